"""Labelled photographs, and what a model says of them: the facts that terminal, plots and reports show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from flowers_jax import metrics
from flowers_jax.errors import UsageError
from flowers_jax.metrics.intervals import wilson
from flowers_jax.run.directory import RunDirectory
from flowers_jax.types import HostLabels, HostLogits


class Confusion(NamedTuple):
    """How many photographs of the class `label` were taken for `predicted`."""

    label: str
    predicted: str
    photographs: int


@dataclass(frozen=True, eq=False)
class Predictions:
    """The photographs, sorted by path.

    Attributes:
        labels, predicted: numbers of classes, int64 [N].
        probability: that of the predicted class, with the temperature of the run, float64 [N].
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: HostLabels
    predicted: HostLabels
    probability: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """bool [N]."""
        return self.labels == self.predicted

    @property
    def accuracy(self) -> float:
        """nan of no photograph."""
        return float(self.right.mean()) if self.paths else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson(int(self.right.sum()), len(self.paths))

    def confusion_matrix(self) -> np.ndarray:
        """int64 [classes, classes], a row for each label."""
        matrix = np.zeros((len(self.classes), len(self.classes)), np.int64)
        np.add.at(matrix, (self.labels, self.predicted), 1)
        return matrix

    def per_class(self) -> dict[str, dict[str, Any]]:
        """`precision`, `recall`, `f1` and `support` of each class."""
        return metrics.scores(self.predicted, self.labels, self.classes)

    def confusions(self) -> list[Confusion]:
        """The pairs of classes that are confused, most photographs first."""
        matrix = self.confusion_matrix()
        np.fill_diagonal(matrix, 0)
        pairs = [Confusion(self.classes[i], self.classes[j], int(matrix[i, j])) for i, j in np.argwhere(matrix)]
        return sorted(pairs, key=lambda pair: -pair.photographs)

    def mistakes(self) -> list[int]:
        """The photographs of which the prediction is wrong, the most confident first: some have a wrong label."""
        return [int(i) for i in np.argsort(-self.probability, kind="stable") if not self.right[i]]

    def hits(self) -> list[int]:
        """The photographs of which the prediction is right, the least confident first."""
        return [int(i) for i in np.argsort(self.probability, kind="stable") if self.right[i]]

    def calibration(self) -> list[tuple[float, float, int]]:
        """(mean probability, accuracy, photographs) of each of 15 equal bins of the probability that is not empty."""
        bins, right = metrics.bin_of(self.probability), self.right
        members = [np.flatnonzero(bins == one) for one in np.unique(bins)]
        return [(float(self.probability[rows].mean()), float(right[rows].mean()), len(rows)) for rows in members]

    def ece(self) -> float:
        """Expected calibration error of the probabilities."""
        gaps = [abs(accuracy - confidence) * count for confidence, accuracy, count in self.calibration()]
        return float(sum(gaps) / max(1, len(self.paths)))

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `predictions.csv`."""
        return [
            {"path": path, "label": self.classes[label], "predicted": self.classes[best], "probability": f"{p:.6f}"}
            for path, label, best, p in zip(self.paths, self.labels, self.predicted, self.probability, strict=True)
        ]


def of_run(run: RunDirectory) -> Predictions:
    """The test photographs of a run, as `predictions.csv` has them; none if the run has no test part.

    Raises:
        UsageError: the run is not finished, or the file is damaged.
    """
    if run.read_summary() is None:
        raise UsageError(f"{run.path}: the run is not finished, so its test photographs are not predicted yet")
    return of_rows(run.read_predictions(), run.read_model()["classes"])


def of_rows(rows: Sequence[Mapping[str, str]], classes: Sequence[str]) -> Predictions:
    """From the rows of `predictions.csv`."""
    number = {name: index for index, name in enumerate(classes)}
    return Predictions(
        tuple(classes),
        tuple(row["path"] for row in rows),
        np.array([number[row["label"]] for row in rows], np.int64),
        np.array([number[row["predicted"]] for row in rows], np.int64),
        np.array([float(row["probability"]) for row in rows], np.float64),
    )


def of_logits(
    paths: Sequence[str], logits: HostLogits, labels: HostLabels, temperature: float, classes: Sequence[str]
) -> Predictions:
    """From logits [N, classes] and labels [N]; probabilities have the six digits of `predictions.csv`."""
    order = sorted(range(len(paths)), key=lambda i: paths[i])
    best = metrics.probabilities(logits, temperature).max(-1)
    return Predictions(
        tuple(classes),
        tuple(paths[i] for i in order),
        np.asarray(labels, np.int64)[order],
        logits.argmax(-1).astype(np.int64)[order],
        np.round(best, 6)[order],
    )
