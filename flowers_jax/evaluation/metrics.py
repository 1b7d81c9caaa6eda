"""Metrics of predictions, computed on the host in float64 from the logits of every example."""

from typing import Any

import numpy as np
import scipy.optimize
import scipy.special

from flowers_jax.types import HostLabels, HostLogits


def cross_entropy(logits: HostLogits, labels: HostLabels, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood in nats of softmax(logits / temperature)."""
    log_p = scipy.special.log_softmax(logits.astype(np.float64) / temperature, axis=-1)
    return float(-log_p[np.arange(len(labels)), labels].mean())


def accuracy(logits: HostLogits, labels: HostLabels) -> float:
    """Share of examples whose largest logit belongs to their label."""
    return float((logits.argmax(-1) == labels).mean())


def probabilities(logits: HostLogits, temperature: float = 1.0) -> np.ndarray:
    """softmax(logits / temperature), [N, classes], float64."""
    return scipy.special.softmax(logits.astype(np.float64) / temperature, axis=-1)


def fit_temperature(logits: HostLogits, labels: HostLabels) -> float:
    """The temperature in 0.05 to 20 with the least cross-entropy on held-out examples (Guo et al. 2017).

    Source: https://arxiv.org/abs/1706.04599. It changes no predicted class, only the probabilities. If every prediction
    is right, the best temperature would be 0, so the result is 1.
    """
    if accuracy(logits, labels) == 1.0:
        return 1.0
    found = scipy.optimize.minimize_scalar(
        lambda log_t: cross_entropy(logits, labels, float(np.exp(log_t))), bounds=np.log((0.05, 20.0)), method="bounded"
    )
    return float(np.exp(found.x))


def per_class(logits: HostLogits, labels: HostLabels, classes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`precision`, `recall`, `f1` and `support` of each class; 0 where the denominator is 0."""
    predicted = logits.argmax(-1)
    scores = {}
    for index, name in enumerate(classes):
        hits = int(((predicted == index) & (labels == index)).sum())
        claimed, support = int((predicted == index).sum()), int((labels == index).sum())
        scores[name] = {
            "precision": hits / claimed if claimed else 0.0,
            "recall": hits / support if support else 0.0,
            "f1": 2 * hits / (claimed + support) if hits else 0.0,
            "support": support,
        }
    return scores
