"""The confusion matrix of a run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from flowers_jax.data import sources
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.evaluate import predictions, select
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.types import HostLabels


def confusion_matrix(model: TrainedModel, split: str = "test", data: str | Path | Dataset | None = None) -> np.ndarray:
    """How many photographs of each class were taken for each class: int64 [classes, classes], a row for each label.

    Args:
        split: `train`, `validation` or `test`. Those of the run's test are in its `predictions.csv`; the others are
            read and predicted again.
        data: other photographs, and what `split` means of them, as in `evaluate`.

    Raises:
        UsageError: the run is not finished, or its photographs cannot be read again.
    """
    if data is None and split not in SPLITS:
        raise UsageError(f"confusion_matrix({split!r}): must be one of {', '.join(SPLITS)}")
    if data is None and split == "test":
        return _of_test(model)
    dataset = _own(model, split) if data is None else select(model, data, split)
    logits, labels = predictions(model, dataset, f"confusion_matrix({split!r})")
    return _counted(labels, logits.argmax(-1), len(model.classes))


def _of_test(model: TrainedModel) -> np.ndarray:
    """From `predictions.csv`."""
    if model.summary is None:
        raise UsageError(f"{model.run.path}: the run is not finished, so its test photographs are not predicted yet")
    number = {name: index for index, name in enumerate(model.classes)}
    rows = model.run.read_predictions()
    labels, found = ([number[row[name]] for row in rows] for name in ("label", "predicted"))
    return _counted(np.array(labels, np.int64), found, len(model.classes))


def _own(model: TrainedModel, split: str) -> Dataset:
    """The run's own photographs of a part, from where its config says that they are."""
    config, chosen = model.run.read_config(), model.run.read_model()["dataset"]["name"]
    if sources.is_outside(config.data.name):
        raise UsageError(
            f"{model.run.path}: its source {config.data.name} is code outside the package, which never runs without "
            "permission: give confusion_matrix(..., data=...)"
        )
    dataset = model.run.apply_splits(sources.load(config, chosen), model.classes)
    examples = tuple(example for example in dataset.examples if example.split == split)
    if not examples:
        raise UsageError(f"{model.run.path}: it has no photograph for {split}")
    return replace(dataset, examples=examples)


def _counted(labels: HostLabels, found: Sequence[int] | np.ndarray, classes: int) -> np.ndarray:
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, np.asarray(found, np.int64)), 1)
    return matrix
