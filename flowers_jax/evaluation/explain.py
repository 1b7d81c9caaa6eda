"""Writes what speaks for the predicted class of each photograph, in colours over it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from flowers_jax.evaluation.grad_cam import grad_cam, overlay
from flowers_jax.evaluation.trained_model import Predicted, TrainedModel
from flowers_jax.storage.placing import Place


def explained(predicted: Iterable[Predicted], model: TrainedModel, place: Place) -> Iterator[Predicted]:
    """Write the Grad-CAM overlay of each photograph, as the model sees it, to `NAME.png`, and hand the photograph on.

    Raises:
        UsageError: `grad_cam` knows no layer of this model that it could explain.
    """
    rest = iter(predicted)
    while batch := list(islice(rest, model.batch_size)):
        images, classes = np.stack([one.image for one in batch]), [int(one.probabilities.argmax()) for one in batch]
        for one, heat in zip(batch, grad_cam(model, images, classes), strict=True):
            place(overlay(one.image, heat).save, "", f"{Path(one.path).stem}.png")
            yield one
