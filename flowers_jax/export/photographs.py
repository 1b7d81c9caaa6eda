"""The photographs on which a file is compared with the model that it was written from, or is calibrated."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.data.decode import decode_for
from flowers_jax.data.loader import decode_split
from flowers_jax.data.sources import procedural
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.evaluate import select
from flowers_jax.evaluation.own import own_photographs
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.export.registry import Exported

CALIBRATED = "--format=tflite-int8: 8-bit integers need the photographs that the run was trained on"


class Photographs(NamedTuple):
    """
    Attributes:
        images: uint8 [N, S, S, 3].
        source: where they are from, for a person.
    """

    images: np.ndarray
    source: str


def for_check(exported: Exported, count: int) -> Photographs:
    """At most `count`: of `exported.data`; else of the test part of the run; drawn flowers if it has none or is gone.

    Raises:
        UsageError: `exported.data` has no photograph of the model's classes.
    """
    model = exported.model
    if exported.data:
        dataset = select(model, exported.data, "")
        return Photographs(decoded(model, dataset, dataset.examples, count), f"photographs of {exported.data}")
    try:
        dataset = own_photographs(model)
    except UsageError as error:
        return Photographs(_drawn(model, count), f"drawn flowers ({error})")
    if test := [example for example in dataset.examples if example.split == "test"]:
        return Photographs(decoded(model, dataset, test, count), "photographs of the run's test part")
    return Photographs(_drawn(model, count), "drawn flowers (the run has no test part)")


def for_calibration(model: TrainedModel, count: int) -> np.ndarray:
    """At most `count` photographs of the training part of the run, uint8 [N, S, S, 3]; no others, not even `--data`'s.

    Raises:
        UsageError: the run has none, or they are gone.
    """
    try:
        dataset = own_photographs(model)
    except UsageError as error:
        raise UsageError(f"{CALIBRATED}; they cannot be read ({error})") from error
    training = [example for example in dataset.examples if example.split == "train"]
    if not training:
        raise UsageError(f"{CALIBRATED}; {model.run.path} has none")
    return decoded(model, dataset, training, count)


def decoded(model: TrainedModel, dataset: Dataset, examples: Sequence[Example], count: int) -> np.ndarray:
    """At most `count` of the examples, evenly spaced, as pixels of the model's input: uint8 [N, S, S, 3]."""
    places = np.linspace(0, len(examples) - 1, min(count, len(examples))).round().astype(int)
    chosen = tuple(dataclasses.replace(examples[place], split="test") for place in places)
    part = dataclasses.replace(dataset, examples=chosen)
    return decode_split(part, "test", model.preprocessing, max_pixels=model.max_pixels).images


def _drawn(model: TrainedModel, count: int) -> np.ndarray:
    kinds = sorted(procedural.PETALS)
    drawings = (procedural.draw(kinds[number % len(kinds)], number) for number in range(count))
    return np.stack([decode_for(drawing, model.preprocessing) for drawing in drawings])
