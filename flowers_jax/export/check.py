"""Compares a written file, run by the runtime of its format, with the model that it was written from."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flowers_jax.errors import ReportWarning, TrainingError
from flowers_jax.evaluation.images import in_filled_batch
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.export.registry import Exporter, Predict
from flowers_jax.metrics import probabilities

AT_ONCE = 32
"""Images; more would need more memory than a photograph's prediction should."""


class Agreement(NamedTuple):
    """
    Attributes:
        largest_difference: of a probability from the model's; nan if the file gives one that is no number.
        top1_agreement: the fraction of the photographs for which both name the same class.
    """

    largest_difference: float
    top1_agreement: float


def in_batches(function: Callable[[np.ndarray], np.ndarray], images: np.ndarray, count: int = 0) -> np.ndarray:
    """`function` of all images, `count` at a time; 0 for what is usual."""
    count = count or min(AT_ONCE, len(images))
    starts = range(0, len(images), count)
    return np.concatenate([in_filled_batch(function, list(images[start : start + count]), count) for start in starts])


def expected(model: TrainedModel, images: np.ndarray) -> np.ndarray:
    """What the model says of uint8 [N, S, S, 3]: probabilities [N, classes], as `predict.py` prints them."""
    return probabilities(in_batches(model.predictor, images, model.batch_size), model.temperature)


def agreement(predict: Predict, images: np.ndarray, wanted: np.ndarray) -> Agreement:
    """How well a file agrees with the probabilities `wanted` of the images."""
    given = in_batches(predict, images)
    same = given.argmax(-1) == wanted.argmax(-1)
    return Agreement(float(np.abs(given - wanted).max()), float(same.mean()))


def check(exporter: Exporter, path: Path, images: np.ndarray, wanted: np.ndarray) -> Agreement:
    """Read the file back and compare it.

    Warns:
        ReportWarning: fewer photographs agree than the format wants.

    Raises:
        TrainingError: it differs from the model by more than the format may.
    """
    found = agreement(exporter.read(path).predict, images, wanted)
    said = (
        f"--format={exporter.name}: on {len(images)} photographs the file differs from the model by up to "
        f"{found.largest_difference:.1e} in a probability, and names its class for {found.top1_agreement:.1%}"
    )
    if math.isnan(found.largest_difference) or found.largest_difference > exporter.tolerance:
        raise TrainingError(f"{said}; at most {exporter.tolerance:.0e} is accepted, so nothing was written")
    if found.top1_agreement < exporter.least_agreement:
        raise TrainingError(f"{said}; at least {exporter.least_agreement:.0%} is required, so nothing was written")
    if found.top1_agreement < exporter.wanted_agreement:
        warnings.warn(f"{said}; {exporter.wanted_agreement:.0%} is wanted", ReportWarning, stacklevel=2)
    return found
