"""What is wrong with photographs: damage, copies, look-alikes."""
