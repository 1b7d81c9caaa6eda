"""What runs several trainings."""
