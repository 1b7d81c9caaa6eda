"""The tf.data pipeline: decode and resize once, in parallel; then batches by index, shuffled by (seed, epoch).

Decoded photographs are one uint8 array [N, H, W, 3], in memory or in a memory-mapped file. An epoch is a permutation
of its rows. So every batch of every epoch can be made without the earlier ones, and the batches do not depend on the
number of threads.
"""

import contextlib
import errno
import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL

from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.data.decode import SOURCE, DecodeError, decode_for
from flowers_jax.data.lazy_tensorflow import tensorflow
from flowers_jax.errors import DamageWarning, TrainingError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import progress
from flowers_jax.runtime.terminal import shown
from flowers_jax.storage import atomic, fetch, source


class SplitArrays(NamedTuple):
    """Decoded photographs, uint8 [N, H, W, 3], or their features, float32 [N, F]; and labels, int32 [N]."""

    images: np.ndarray
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
    """The photographs of `train`, `validation` or `test`.

    With `cache="disk"` the array is a read-only file below the cache folder. Its name is a hash of everything that
    determines its content, so a later call for the same photographs finds it. Its SHA-256 is in a file beside it.

    Warns:
        DamageWarning: the file has changed since it was written, and is made again.

    Raises:
        TrainingError: a photograph changed or disappeared since it was checked.
        OSError: the disk has no space for the file; no part of it is left.
    """
    examples = [example for example in dataset.examples if example.split == split]
    labels = np.array([example.label for example in examples], np.int32)
    shape = (len(examples), preprocessing.size, preprocessing.size, 3)
    if cache == "memory" or not examples:
        images = np.empty(shape, np.uint8)
        _fill(images, dataset, examples, preprocessing, max_pixels, workers)
        return SplitArrays(images, labels)
    target = fetch.cache_dir() / "decoded" / f"{_content_key(examples, preprocessing)}.npy"
    if not _sound(target):
        with atomic.replacing(target) as partial:
            mapped = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
            _reserve(partial)
            _fill(mapped, dataset, examples, preprocessing, max_pixels, workers)
            mapped.flush()
            with atomic.replacing(_sum_of(target)) as text:  # written first: a file without it is not used
                text.write_text(fetch.sha256_of(partial))
    return SplitArrays(np.lib.format.open_memmap(target, "r"), labels)


def epoch_order(examples: int, seed: int, epoch: int) -> np.ndarray:
    """The permutation of 0..examples-1 of one epoch; it depends only on (seed, epoch)."""
    return np.random.default_rng([seed, epoch]).permutation(examples)


def batches(
    part: SplitArrays, order: np.ndarray, batch_size: int, *, first: int = 0, own: slice = ALL
) -> Iterator[Batch]:
    """Every row of `order` once, starting with batch number `first`.

    The last batch is filled with masked rows from the start of the order. They are real photographs, not zeros, so that
    batch statistics are those of photographs.

    Args:
        own: the rows of each batch that are wanted; the others are not read.
    """
    steps = -(-len(order) // batch_size)
    rows = np.resize(order, (steps, batch_size))[:, own]
    mask = (np.arange(steps * batch_size) < len(order)).reshape(steps, batch_size)[:, own]

    def gather(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return part.images[indices], part.labels[indices]

    if part.images.ndim == 2:  # features: there is no work for another thread
        for indices, real in zip(rows[first:], mask[first:], strict=True):
            image, label = gather(indices)
            yield {"image": image, "label": label, "mask": real}
        return
    tf = tensorflow()
    data = tf.data.Dataset.from_tensor_slices((rows[first:], mask[first:]))
    with _released_after(gather) as released:
        data = data.map(
            lambda i, m: (*tf.numpy_function(released, [i], [tf.uint8, tf.int32], stateful=False), m),
            num_parallel_calls=2,
            deterministic=True,
        )
        for image, label, real in data.prefetch(2).as_numpy_iterator():
            yield {"image": image, "label": label, "mask": real}


@contextlib.contextmanager
def _released_after(function: Callable) -> Iterator[Callable]:
    """`function`, released at the end: TensorFlow never frees a function that it gets, nor the data in it."""
    held = [function]
    try:
        yield lambda *arguments: held[0](*arguments)
    finally:
        held.clear()


def in_order(part: SplitArrays, batch_size: int, own: slice = ALL) -> Iterator[Batch]:
    """Every example once, in order."""
    return batches(part, np.arange(len(part.labels)), batch_size, own=own)


def _fill(
    target: np.ndarray,
    dataset: Dataset,
    examples: Sequence[Example],
    preprocessing: Preprocessing,
    max_pixels: int,
    workers: int,
) -> None:
    tf = tensorflow()
    failed: list[str] = []

    def load(index: np.int64) -> np.ndarray:
        path = examples[int(index)].path
        try:
            return decode_for(dataset.read(path), preprocessing, max_pixels)
        except (DecodeError, OSError) as error:
            failed.append(shown(f"{path}: {error}"))
            return np.zeros(target.shape[1:], np.uint8)

    threads = workers or os.cpu_count() or 1
    with _released_after(load) as released:
        data = tf.data.Dataset.range(len(examples)).map(
            lambda index: tf.numpy_function(released, [index], tf.uint8, stateful=False),
            num_parallel_calls=threads,
            deterministic=True,
        )
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        rows = data.with_options(options).prefetch(threads).as_numpy_iterator()
        for index, image in enumerate(progress.track(rows, "decoding", len(examples))):
            target[index] = image
    if failed:
        raise TrainingError(f"{len(failed)} photograph(s) changed since they were checked, the first: {failed[0]}")


def _reserve(path: Path) -> None:
    """Reserve the space of a new file; otherwise a write to mapped memory ends the process on a full disk."""
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # the file system does not support it
                raise OSError(error.errno, error.strerror, str(path.parent.parent)) from error


def _sound(target: Path) -> bool:
    """Whether the file exists and has not changed since it was written."""
    if not target.exists():
        return False
    try:
        whole = _sum_of(target).read_text() == fetch.sha256_of(target)
    except (OSError, ValueError):
        whole = False
    if not whole:
        damage = f"{target} is not as it was written, so its photographs are decoded anew"
        warnings.warn(damage, DamageWarning, stacklevel=3)
    return whole


def _sum_of(target: Path) -> Path:
    return target.with_suffix(".sha256")


def _content_key(examples: Sequence[Example], preprocessing: Preprocessing) -> str:
    p, versions = preprocessing, [PIL.__version__, source.sha256(*SOURCE)]
    recipe = [*versions, p.size, p.resize, p.crop, p.interpolation, *(example.sha256 for example in examples)]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
