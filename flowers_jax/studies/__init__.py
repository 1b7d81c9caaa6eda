"""Studies: several trainings and their common result."""
