"""Photographs of a report: the most confident mistakes and the least confident hits, with what explains them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.grad_cam import grad_cam, overlay
from flowers_jax.evaluation.neighbours import compared, nearest
from flowers_jax.evaluation.own import read_again
from flowers_jax.evaluation.predictions import Predictions
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.report.html import data_uri
from flowers_jax.training.features import FeatureCache, View

MOST = 12
"""Photographs of each kind."""

SIDE, SMALL_SIDE, QUALITY = 240, 112, 80
"""Pixels of the side of a photograph and of a neighbour, and the quality of their JPEG."""


@dataclass(frozen=True)
class Near:
    """A training photograph beside a mistake; `picture` is the address of an image, "" where it is unreadable."""

    path: str
    label: str
    similarity: float
    picture: str


@dataclass(frozen=True)
class Card:
    """A tested photograph; `picture` and `heat` are addresses of images, "" where there is none."""

    path: str
    label: str
    predicted: str
    probability: float
    picture: str = ""
    heat: str = ""
    neighbours: Sequence[Near] = ()

    @property
    def as_predicted(self) -> int:
        """How many neighbours have the predicted class."""
        return sum(near.label == self.predicted for near in self.neighbours)


@dataclass(frozen=True)
class Examples:
    """The cards, and remarks on what is missing of them."""

    mistakes: Sequence[Card]
    hits: Sequence[Card]
    remarks: Sequence[str] = ()
    compared: int = 0
    """How many training photographs the neighbours were searched in."""


@dataclass(frozen=True)
class _Pixels:
    """By row of the predictions: photographs as the model sees them, and in the size of the page."""

    inputs: dict[int, np.ndarray] = field(default_factory=dict)
    larger: dict[int, np.ndarray] = field(default_factory=dict)
    unreadable: list[Skipped] = field(default_factory=list)


def examples(
    model: TrainedModel, predictions: Predictions, tested: Dataset | None, training: Dataset | None
) -> Examples:
    """At most 12 of each kind.

    Args:
        tested: the photographs that were predicted; None if they cannot be read any more.
        training: the photographs of the run with its splits, for the neighbours of the mistakes; None as above.
    """
    mistakes, hits = predictions.mistakes()[:MOST], predictions.hits()[:MOST]
    pixels = _pixels(model, predictions, tested, mistakes + hits) if tested else _Pixels()
    heat, remarks = _heat(model, predictions, pixels)
    near = _neighbours(model, training, {row: pixels.inputs[row] for row in mistakes if row in pixels.inputs})

    def card(row: int) -> Card:
        return Card(
            path=predictions.paths[row],
            label=predictions.classes[predictions.labels[row]],
            predicted=predictions.classes[predictions.predicted[row]],
            probability=float(predictions.probability[row]),
            picture=_jpeg(pixels.larger[row]) if row in pixels.larger else "",
            heat=_jpeg(overlay(pixels.larger[row], heat[row])) if row in heat else "",
            neighbours=near.get(row, ()),
        )

    if lost := pixels.unreadable:
        shown = f"{len(lost)} of these photographs cannot be read any more: {lost[0].path}: {lost[0].reason}"
        remarks.append(shown + (f", and {len(lost) - 1} more" if len(lost) > 1 else ""))
    count = len(compared(training)) if training and near else 0
    return Examples([card(row) for row in mistakes], [card(row) for row in hits], remarks, count)


def _pixels(model: TrainedModel, predictions: Predictions, tested: Dataset, rows: Sequence[int]) -> _Pixels:
    found = _Pixels()
    for row in rows:
        path = predictions.paths[row]
        sizes = (model.preprocessing, replace(model.preprocessing, size=SIDE))
        both = [read_again(tested, path, size, model.max_pixels) for size in sizes]
        if lost := [one for one in both if isinstance(one, Skipped)]:
            found.unreadable.append(lost[0])
        else:
            found.inputs[row], found.larger[row] = both  # type: ignore[assignment]  # none is Skipped
    return found


def _heat(model: TrainedModel, predictions: Predictions, pixels: _Pixels) -> tuple[dict[int, np.ndarray], list[str]]:
    """The map of each readable photograph for its predicted class, and the reason if there is none."""
    rows = list(pixels.inputs)
    if not rows:
        return {}, []
    try:
        maps = grad_cam(model, np.stack(list(pixels.inputs.values())), predictions.predicted[rows])
    except UsageError as error:
        return {}, [f"No heat maps: {error}."]
    return dict(zip(rows, maps, strict=True)), []


def _neighbours(
    model: TrainedModel, training: Dataset | None, inputs: Mapping[int, np.ndarray]
) -> dict[int, Sequence[Near]]:
    """The nearest training photographs of each input, by its row."""
    if training is None or not inputs:
        return {}
    small = replace(model.preprocessing, size=SMALL_SIDE)

    def shown(path: str) -> str:
        pixels = read_again(training, path, small, model.max_pixels)
        return "" if isinstance(pixels, Skipped) else _jpeg(pixels)

    found = nearest(model, training, np.stack(list(inputs.values())), known=_kept_features(model, training))
    return {
        row: [
            Near(one.example.path, training.classes[one.example.label], one.similarity, shown(one.example.path))
            for one in own
        ]
        for row, own in zip(inputs, found, strict=True)
        if own
    }


def _kept_features(model: TrainedModel, training: Dataset) -> np.ndarray | None:
    """The features of the training photographs, if a run has trained on them: they take most of the report's time."""
    if model.spec.features is None:
        return None
    arguments = model.spec, model.module, model.variables, model.preprocessing, model.devices
    return FeatureCache(model.run.read_config(), training, *arguments).kept("train", View())


def _jpeg(picture: np.ndarray | Image.Image) -> str:
    stream = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(stream, "JPEG", quality=QUALITY)
    return data_uri(stream.getvalue(), "image/jpeg")
