"""Metrics of the predicted probabilities: softmax of the logits."""

import numpy as np
import scipy.special

from flowers_jax.metrics.classes import accuracy
from flowers_jax.metrics.registry import Metric, register
from flowers_jax.types import HostLabels, HostLogits

BINS = 15


def cross_entropy(logits: HostLogits, labels: HostLabels, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood in nats of softmax(logits / temperature); scikit-learn's `log_loss`."""
    log_p = scipy.special.log_softmax(logits.astype(np.float64) / temperature, axis=-1)
    return float(-log_p[np.arange(len(labels)), labels].mean())


def probabilities(logits: HostLogits, temperature: float = 1.0) -> np.ndarray:
    """softmax(logits / temperature), [N, classes], float64."""
    return scipy.special.softmax(logits.astype(np.float64) / temperature, axis=-1)


def ece(logits: HostLogits, labels: HostLabels) -> float:
    """Expected calibration error: mean of |accuracy - confidence| over 15 equal bins of the largest probability.

    Each bin weighs as many examples as it holds. Source: Guo et al. 2017,
    https://arxiv.org/abs/1706.04599.
    """
    p = probabilities(logits)
    confidence, right = p.max(-1), p.argmax(-1) == labels
    gaps = np.bincount(bin_of(confidence), right - confidence, BINS)
    return float(np.abs(gaps).sum() / len(labels))


def bin_of(probability: np.ndarray) -> np.ndarray:
    """The number of the equal bin of each probability, int [N]; a bin holds its upper bound."""
    return np.clip(np.ceil(probability * BINS).astype(int) - 1, 0, BINS - 1)


def fit_temperature(logits: HostLogits, labels: HostLabels) -> float:
    """The temperature in 0.05 to 20 with the least cross-entropy on held-out examples (Guo et al. 2017).

    Source: https://arxiv.org/abs/1706.04599. It changes no predicted class, only the probabilities. If every prediction
    is right, the best temperature would be 0, so the result is 1.
    """
    if accuracy(logits, labels) == 1.0:
        return 1.0
    import scipy.optimize  # which takes a third of a second

    found = scipy.optimize.minimize_scalar(
        lambda log_t: cross_entropy(logits, labels, float(np.exp(log_t))), bounds=np.log((0.05, 20.0)), method="bounded"
    )
    return float(np.exp(found.x))


register(Metric("nll", cross_entropy, "min"))
register(Metric("ece", ece, "min"))
