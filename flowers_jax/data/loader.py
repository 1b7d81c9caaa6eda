"""Decodes and resizes once, in parallel; then batches by index, shuffled by (seed, epoch). Both by tf.data.

Decoded photographs are uint8 [N, H, W, 3], in memory or in a file. An epoch is a permutation of their rows. So every
batch of every epoch can be made without the earlier ones, and the batches do not depend on the number of threads.
"""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.data.decode import DecodeError, decode_for
from flowers_jax.data.decoded_file import DecodedFile
from flowers_jax.data.pipeline import computed_ahead
from flowers_jax.errors import TrainingError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import progress
from flowers_jax.runtime.terminal import shown


class SplitArrays(NamedTuple):
    """Decoded photographs, uint8 [N, H, W, 3], or their features, float32 [N, F]; and labels, int32 [N].

    `images` is an array, or a `DecodedFile`.
    """

    images: Any
    labels: np.ndarray


ALL = slice(None)

Batch = dict[str, np.ndarray]
"""`image` uint8 [B, H, W, 3] or float32 [B, F], `label` int32 [B], `mask` bool [B]: False for a row that only fills."""


def decode_split(
    dataset: Dataset,
    split: str,
    preprocessing: Preprocessing,
    *,
    max_pixels: int,
    cache: str = "memory",
    workers: int = 0,
) -> SplitArrays:
    """The photographs of `train`, `validation` or `test`: decoded now, or with `cache="disk"` when they are used.

    Raises:
        TrainingError: a photograph changed or disappeared since it was checked. From the disk, the batch raises it.
        OSError: the disk has no space for the file.
    """
    examples = [example for example in dataset.examples if example.split == split]
    labels = np.array([example.label for example in examples], np.int32)

    if cache == "disk" and examples:
        decode = partial(_decoded, dataset, preprocessing, max_pixels)
        return SplitArrays(DecodedFile(dataset.examples, examples, preprocessing, decode, workers), labels)
    images = np.empty((len(examples), preprocessing.size, preprocessing.size, 3), np.uint8)
    _fill(images, dataset, examples, preprocessing, max_pixels, workers)
    return SplitArrays(images, labels)


def epoch_order(examples: int, seed: int, epoch: int) -> np.ndarray:
    """The permutation of 0..examples-1 of one epoch; it depends only on (seed, epoch)."""
    return np.random.default_rng([seed, epoch]).permutation(examples)


def rows_of(order: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of every batch, int32 [steps, batch_size], and their mask, bool [steps, batch_size].

    The last batch is filled with masked rows from the start of the order. They are real photographs, not zeros, so that
    batch statistics are those of photographs.
    """
    steps = -(-len(order) // batch_size)
    mask = (np.arange(steps * batch_size) < len(order)).reshape(steps, batch_size)
    return np.resize(order, (steps, batch_size)).astype(np.int32), mask


def batches(
    part: SplitArrays, order: np.ndarray, batch_size: int, *, first: int = 0, own: slice = ALL
) -> Iterator[Batch]:
    """Every row of `order` once, starting with batch number `first`.

    Args:
        own: the rows of each batch that are wanted; the others are not read.
    """
    rows, mask = (every[:, own] for every in rows_of(order, batch_size))

    def gather(step: int) -> tuple[np.ndarray, np.ndarray]:
        return part.images[rows[step]], part.labels[rows[step]]

    numbers = range(first, len(rows))
    if part.images.ndim == 2:  # features: there is no work for another thread
        gathered = map(gather, numbers)
    else:
        gathered = computed_ahead(gather, numbers, (np.uint8, np.int32), threads=2, ahead=2)
    for step, (image, label) in zip(numbers, gathered, strict=True):
        yield {"image": image, "label": label, "mask": mask[step]}


def in_order(part: SplitArrays, batch_size: int, own: slice = ALL) -> Iterator[Batch]:
    """Every example once, in order."""
    return batches(part, np.arange(len(part.labels)), batch_size, own=own)


def _decoded(dataset: Dataset, preprocessing: Preprocessing, max_pixels: int, example: Example) -> np.ndarray:
    try:
        return decode_for(dataset.read(example.path), preprocessing, max_pixels)
    except (DecodeError, OSError) as error:
        raise TrainingError(
            f"a photograph changed since it was checked: {shown(f'{example.path}: {error}')}"
        ) from error


def _fill(
    target: np.ndarray,
    dataset: Dataset,
    examples: Sequence[Example],
    preprocessing: Preprocessing,
    max_pixels: int,
    workers: int,
) -> None:
    failed: list[str] = []

    def load(index: int) -> tuple[np.ndarray]:
        path = examples[index].path
        try:
            return (decode_for(dataset.read(path), preprocessing, max_pixels),)
        except (DecodeError, OSError) as error:
            failed.append(shown(f"{path}: {error}"))
            return (np.zeros(target.shape[1:], np.uint8),)

    threads = workers or os.cpu_count() or 1
    rows = computed_ahead(load, range(len(examples)), (np.uint8,), threads=threads, ahead=threads)
    for index, (image,) in enumerate(progress.track(rows, "decoding", len(examples))):
        target[index] = image
    if failed:
        raise TrainingError(f"{len(failed)} photograph(s) changed since they were checked, the first: {failed[0]}")
