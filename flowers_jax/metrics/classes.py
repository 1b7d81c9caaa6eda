"""Metrics of the predicted classes: those with the largest logits. Each equals scikit-learn's of the name given."""

from typing import Any

import numpy as np

from flowers_jax.metrics.registry import Metric, register
from flowers_jax.types import HostLabels, HostLogits


def accuracy(logits: HostLogits, labels: HostLabels) -> float:
    """Share of examples whose largest logit belongs to their label (`accuracy_score`)."""
    return float((logits.argmax(-1) == labels).mean())


def balanced_accuracy(logits: HostLogits, labels: HostLabels) -> float:
    """Mean of the accuracies of the classes that have examples (`balanced_accuracy_score`)."""
    right = logits.argmax(-1) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def macro_f1(logits: HostLogits, labels: HostLabels) -> float:
    """Mean F1 of the classes that have examples or predictions (`f1_score(average="macro")`)."""
    predicted = logits.argmax(-1)
    seen = np.union1d(labels, predicted)
    return float(np.mean([_scores(predicted, labels, label)["f1"] for label in seen.tolist()]))


def top_5(logits: HostLogits, labels: HostLabels) -> float:
    """Share of examples whose label is one of the five largest logits (`top_k_accuracy_score(k=5)`).

    As many labels as have a larger logit stand before it; of equal logits the later class stands first, as there.
    """
    own = logits[np.arange(len(labels)), labels][:, None]
    before = logits > own
    before |= (logits == own) & (np.arange(logits.shape[1]) > labels[:, None])
    return float((before.sum(1) < 5).mean())


def per_class(logits: HostLogits, labels: HostLabels, classes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`precision`, `recall`, `f1` and `support` of each class; 0 where the denominator is 0."""
    return scores(logits.argmax(-1), labels, classes)


def scores(predicted: HostLabels, labels: HostLabels, classes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """As `per_class`, of predicted classes [N]."""
    return {name: _scores(predicted, labels, index) for index, name in enumerate(classes)}


def _scores(predicted: np.ndarray, labels: np.ndarray, label: int) -> dict[str, Any]:
    hits = int(((predicted == label) & (labels == label)).sum())
    claimed, support = int((predicted == label).sum()), int((labels == label).sum())
    return {
        "precision": hits / claimed if claimed else 0.0,
        "recall": hits / support if support else 0.0,
        "f1": 2 * hits / (claimed + support) if hits else 0.0,
        "support": support,
    }


register(Metric("accuracy", accuracy))
register(Metric("balanced_accuracy", balanced_accuracy))
register(Metric("macro_f1", macro_f1))
register(Metric("top_5", top_5))
