"""Metrics of predictions, computed on the host in float64 from the logits of every example.

Importing this package registers those that a run can monitor; `find` finds those of others too.
"""

from flowers_jax.metrics.classes import accuracy, balanced_accuracy, macro_f1, per_class, scores, top_5
from flowers_jax.metrics.monitors import PLAIN, check_monitors, mode_of, monitored
from flowers_jax.metrics.probability import bin_of, cross_entropy, ece, fit_temperature, probabilities
from flowers_jax.metrics.registry import METRICS, Metric, find, register, values

__all__ = [
    "METRICS", "PLAIN", "Metric", "accuracy", "balanced_accuracy", "bin_of", "check_monitors", "cross_entropy", "ece",
    "find", "fit_temperature", "macro_f1", "mode_of", "monitored", "per_class", "probabilities", "register", "scores",
    "top_5", "values",
]  # fmt: skip
