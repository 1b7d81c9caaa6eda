"""The confusion matrix of a run."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from flowers_jax.data.dataset import Dataset
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import predictions as predicted
from flowers_jax.evaluation.evaluate import predictions, select
from flowers_jax.evaluation.own import own_photographs
from flowers_jax.evaluation.trained_model import TrainedModel


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
        return predicted.of_run(model.run).confusion_matrix()
    dataset = _own(model, split) if data is None else select(model, data, split)
    logits, labels = predictions(model, dataset)
    paths = [example.path for example in dataset.examples]
    return predicted.of_logits(paths, logits, labels, model.temperature, model.classes).confusion_matrix()


def _own(model: TrainedModel, split: str) -> Dataset:
    """The run's own photographs of a part."""
    dataset = own_photographs(model)
    examples = tuple(example for example in dataset.examples if example.split == split)
    if not examples:
        raise UsageError(f"{model.run.path}: it has no photograph for {split}")
    return replace(dataset, examples=examples)
