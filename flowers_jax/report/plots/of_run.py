"""The pictures of a run by name, from what its files and its photographs say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from flowers_jax.config_types import Config
from flowers_jax.data.decode import decode_for
from flowers_jax.evaluation.predictions import Predictions
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.report.cuts import plateau_cuts
from flowers_jax.report.first_batch import FirstBatch
from flowers_jax.report.plots import calibration, confusion_matrix, curves, per_class, test_predictions, train_batch

MOST_TESTED = 20

Pictures = Iterator[tuple[str, Figure]]


def of_batch(batch: FirstBatch, classes: Sequence[str]) -> Pictures:
    """`train_batch`."""
    how = "" if batch.augmented else ", without augmentation"
    small = f"{len(batch.images)} inputs of the first batch of epoch {batch.epoch}{how}"
    yield "train_batch", train_batch.draw(batch.images, batch.targets, classes, small)


def of_epochs(rows: Sequence[Mapping[str, Any]], config: Config, best_epoch: int, steps_per_epoch: int) -> Pictures:
    """`curves`; nothing before the first epoch.

    Args:
        rows: of `metrics.csv`: numbers, or their texts.
    """
    if rows:
        yield "curves", curves.draw(rows, best_epoch, plateau_cuts(rows, config, steps_per_epoch))


def of_test(predictions: Predictions) -> Pictures:
    """`confusion_matrix`, `per_class` and `calibration`; nothing without a test part."""
    if predictions.paths:
        yield "confusion_matrix", confusion_matrix.draw(predictions.confusion_matrix(), predictions.classes)
        yield "per_class", per_class.draw(predictions.per_class())
        yield "calibration", calibration.draw(predictions.calibration(), predictions.ece())


def of_photographs(
    predictions: Predictions, read: Callable[[str], bytes], preprocessing: Preprocessing, max_pixels: int
) -> Pictures:
    """`test_predictions`, of at most 20 photographs at equal distances in the order of paths; nothing without a test
    part.

    Args:
        read: from the path of a photograph to its bytes.
    """
    count = len(predictions.paths)
    if not count:
        return
    chosen = np.linspace(0, count - 1, min(count, MOST_TESTED)).astype(int).tolist()
    tested = [
        test_predictions.Tested(
            decode_for(read(predictions.paths[row]), preprocessing, max_pixels),
            predictions.classes[predictions.labels[row]],
            predictions.classes[predictions.predicted[row]],
            float(predictions.probability[row]),
        )
        for row in chosen
    ]
    which = f"{len(tested)} of {count:,}, at equal distances in the order of their paths"
    small = which if len(tested) < count else f"all {count}"
    yield "test_predictions", test_predictions.draw(tested, small)
