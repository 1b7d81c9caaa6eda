"""Problems of photographs: damage, copies, and photographs that look alike."""
