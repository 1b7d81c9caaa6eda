"""Trainings that are killed, and disks that fail, at any moment: what is left must be what was never disturbed."""
