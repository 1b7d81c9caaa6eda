"""Decoded photographs that several runs of one process share, as the points of a sweep do."""

import contextlib
import gc
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from flowers_jax.data import loader
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.loader import SplitArrays
from flowers_jax.preprocessing import Preprocessing


class _Kept(NamedTuple):
    """Decoded photographs, uint8 [N, H, W, 3]: those that anyone uses, by what they are of, and those kept here."""

    used: weakref.WeakValueDictionary[tuple[Any, ...], np.ndarray]
    held: list[np.ndarray]


_shared: list[_Kept] = []
"""The innermost is last; empty outside of `sharing`."""


@contextlib.contextmanager
def sharing() -> Iterator[None]:
    """Within this context `decode_split` keeps what it returned, for the next run that asks for the same.

    Photographs that no run uses are freed as soon as a run asks for others, so memory holds what one run needs.
    """
    _shared.append(_Kept(weakref.WeakValueDictionary(), []))
    try:
        yield
    finally:
        _shared.pop()


def kept_size() -> int:
    """Bytes of the photographs that are kept: the next run uses them, or they are freed."""
    return sum(images.nbytes for kept in _shared for images in kept.held)


def decode_split(
    dataset: Dataset, split: str, preprocessing: Preprocessing, *, max_pixels: int, cache: str, workers: int
) -> SplitArrays:
    """`loader.decode_split`, which decodes once within `sharing`. Photographs on the disk are shared in any case."""

    def decode() -> SplitArrays:
        return loader.decode_split(
            dataset, split, preprocessing, max_pixels=max_pixels, cache=cache, workers=workers
        )  # fmt: skip

    if not _shared or cache != "memory":
        return decode()
    examples = [example for example in dataset.examples if example.split == split]
    p, kept = preprocessing, _shared[-1]
    key = (p.size, p.resize, p.crop, p.interpolation, *(example.sha256 for example in examples))
    images = kept.used.get(key)
    if images is None:
        kept.held.clear()
        gc.collect()  # a run that has ended may be a cycle that still holds its photographs
        kept.held.extend(kept.used.values())
        images = decode().images
        images.setflags(write=False)
        kept.used[key] = images
        kept.held.append(images)
    return SplitArrays(images, np.array([example.label for example in examples], np.int32))
