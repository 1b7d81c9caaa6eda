"""Pictures of a run: each file draws one, a pure function from plain data to a figure."""

ALL = ("curves", "confusion_matrix", "per_class", "calibration", "train_batch", "test_predictions")
"""The names of the pictures, and of their files in `plots/` without `.svg` and `.png`."""
