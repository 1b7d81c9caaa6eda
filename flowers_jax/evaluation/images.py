"""What a caller gives a trained model: files, arrays or pictures of Pillow, to the pixels of its input."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from flowers_jax.data.dataset import Skipped
from flowers_jax.data.decode import DecodeError, decode_for, of_picture, read_photograph
from flowers_jax.data.pipeline import in_threads
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.types import described

T = TypeVar("T")

Inputs = Any
"""A path, an array uint8 [H, W, 3] or a picture of Pillow; or several in any iterable; or one array [N, H, W, 3]."""

AHEAD = 2
"""Batches that are decoded while the caller uses one."""


def one_by_one(images: Inputs) -> Sequence[Any]:
    """The images as a sequence; a single one is a sequence of one.

    Raises:
        UsageError: it is nothing of `Inputs`.
    """
    if isinstance(images, (str, os.PathLike, Image.Image)):
        return [images]
    if hasattr(images, "__array__"):
        array = np.asarray(images)
        if array.ndim not in (3, 4):
            raise UsageError(f"images: {described(array)}; must be uint8 [N, H, W, 3] or [H, W, 3]")
        return list(array) if array.ndim == 4 else [array]
    if isinstance(images, Iterable):
        return list(images)
    raise UsageError(f"images: {type(images).__name__}; must be paths, arrays uint8 [H, W, 3] or pictures of Pillow")


def read_in_batches(
    images: Sequence[Any], preprocessing: Preprocessing, max_pixels: int, batch_size: int
) -> Iterator[list[np.ndarray | Skipped]]:
    """The pixels of each image, uint8 [size, size, 3], or the reason why there are none; decoded `ahead`.

    Raises:
        UsageError: an image is no path, no array uint8 [H, W, 3] and no picture of Pillow.
    """

    def read(number: int) -> np.ndarray | Skipped:
        return _read(number, images[number], preprocessing=preprocessing, max_pixels=max_pixels)

    return ahead(read, range(len(images)), batch_size)


def ahead(function: Callable[[Any], T], rows: Sequence[Any], batch_size: int) -> Iterator[list[T]]:
    """`function` of the rows in order, in batches.

    Threads work on the next `AHEAD` batches while the caller uses one, and no more, so memory does not grow with rows.
    """
    done = in_threads(function, rows, ahead=AHEAD * batch_size)
    while batch := list(itertools.islice(done, batch_size)):
        yield batch


def in_filled_batch(
    function: Callable[[np.ndarray], np.ndarray], images: Sequence[np.ndarray], batch_size: int
) -> np.ndarray:
    """`function` of one batch of always the same size, for which it is compiled once; the rows of `images` alone."""
    return function(np.resize(np.stack(images), (batch_size, *images[0].shape)))[: len(images)]


def _read(number: int, image: Any, *, preprocessing: Preprocessing, max_pixels: int) -> np.ndarray | Skipped:
    name = os.fspath(image) if isinstance(image, (str, os.PathLike)) else f"images[{number}]"
    try:
        if isinstance(image, (str, os.PathLike)):
            return decode_for(read_photograph(Path(image), max_pixels), preprocessing, max_pixels)
        picture = image if isinstance(image, Image.Image) else _picture(name, image)
        return of_picture(picture, preprocessing, max_pixels)
    except FileNotFoundError:
        return Skipped(name, "no such file")
    except (DecodeError, OSError) as error:
        return Skipped(name, getattr(error, "strerror", None) or str(error))


def _picture(name: str, image: Any) -> Image.Image:
    array = np.asarray(image) if hasattr(image, "__array__") else None
    if array is None:
        raise UsageError(f"{name}: {type(image).__name__}; must be a path, an array uint8 [H, W, 3] or a PIL image")
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or not array.size:
        raise UsageError(f"{name}: {described(array)}; must be uint8 [H, W, 3], with values of 0 to 255")
    return Image.fromarray(np.ascontiguousarray(array))
