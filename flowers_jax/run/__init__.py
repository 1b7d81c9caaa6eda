"""The run directory: everything that a run writes, and everything that resuming or using it needs."""
