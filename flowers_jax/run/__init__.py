"""The run directory: all that a run leaves behind, and all that is needed to go on from it or to use it."""
