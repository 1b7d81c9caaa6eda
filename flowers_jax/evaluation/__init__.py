"""Predictions of a model, and metrics of their quality."""
