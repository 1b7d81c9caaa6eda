"""The training photographs that are most like a photograph in the eyes of a model: nearest in its feature space."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int, UInt8

from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.evaluation.images import ahead, in_filled_batch
from flowers_jax.evaluation.own import read_again
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.runtime.progress import Bar

MOST_COMPARED = 2000
"""Training photographs that are compared: of more, so many at equal distances in the order of the run."""


class Neighbour(NamedTuple):
    """A training photograph, and the cosine of the angle between its features and those of another photograph."""

    example: Example
    similarity: float


def compared(dataset: Dataset) -> list[Example]:
    """The training photographs that `nearest` compares."""
    training = [example for example in dataset.examples if example.split == "train"]
    return [training[row] for row in _rows(len(training))]


def _rows(training: int) -> Int[np.ndarray, " compared"]:
    return np.linspace(0, training - 1, min(training, MOST_COMPARED)).astype(int)


def nearest(
    model: TrainedModel,
    dataset: Dataset,
    images: UInt8[np.ndarray, "n size size 3"],
    count: int = 3,
    known: Float32[np.ndarray, "training features"] | None = None,
) -> list[list[Neighbour]]:
    """The `count` nearest training photographs of each image, the nearest first; none if the model has no features.

    Features are computed in batches of one size and not kept: memory holds a number for each pair.

    Args:
        dataset: of the run, with its splits. A photograph that cannot be read any more is left out.
        images: uint8 [N, size, size, 3], as the model sees them.
        known: the features of all training photographs, in their order, where a run has kept them.
    """
    if model.spec.features is None or not len(images):
        return [[] for _ in images]
    starts = range(0, len(images), model.batch_size)
    own = np.concatenate([_directions(model, list(images[at : at + model.batch_size])) for at in starts])
    examples = compared(dataset)
    if known is not None:
        similarity = own @ _normalized(known[_rows(len(known))]).T
    else:
        similarity = np.full((len(own), len(examples)), -np.inf, np.float32)
        for rows, pixels in _read(model, dataset, examples):
            similarity[:, rows] = own @ _directions(model, pixels).T
    return [
        [Neighbour(examples[i], float(row[i])) for i in np.argsort(-row, kind="stable")[:count] if np.isfinite(row[i])]
        for row in similarity
    ]


def _read(
    model: TrainedModel, dataset: Dataset, examples: Sequence[Example]
) -> Iterator[tuple[list[int], list[np.ndarray]]]:
    """The readable photographs of each batch: their rows in `examples`, and their pixels."""

    def read(example: Example) -> np.ndarray | Skipped:
        return read_again(dataset, example.path, model.preprocessing, model.max_pixels)

    first = 0
    with Bar("nearest photographs", len(examples)) as bar:
        for batch in ahead(read, examples, model.batch_size):
            found = {row: one for row, one in enumerate(batch, start=first) if isinstance(one, np.ndarray)}
            if found:
                yield list(found), list(found.values())
            first += len(batch)
            bar.advance(len(batch))


def _directions(model: TrainedModel, pixels: Sequence[np.ndarray]) -> np.ndarray:
    """The features of images as vectors of length 1, float32 [N, F]."""
    return _normalized(in_filled_batch(model.feature_predictor, pixels, model.batch_size))


def _normalized(features: np.ndarray) -> np.ndarray:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), np.finfo(np.float32).tiny)
