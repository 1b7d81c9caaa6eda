"""Decoded photographs in a file of the cache folder, for more of them than memory holds.

A photograph is decoded when it is first asked for, so training begins while most are not decoded yet. The next run
reads what is there already.
"""

import errno
import hashlib
import io
import json
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL

from flowers_jax.data.dataset import Example
from flowers_jax.data.decode import SOURCE
from flowers_jax.errors import DamageWarning
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime.cache import cache_dir
from flowers_jax.storage import source

SUM_SIZE = 32
NONE = bytes(SUM_SIZE)
"""The sum of a photograph that is not decoded yet."""


class DecodedFile:
    """Photographs of a part, uint8 [N, S, S, 3]: `file[rows]` are those of the rows [B].

    The pixels of every photograph of the data set have a place in `KEY.pixels`, and their SHA-256 one in `KEY.sha256`.
    The key is a hash of all that determines the pixels, so runs with other parts share the file. A photograph is
    compared with its sum when a process first reads it. If they differ, it is decoded and written again. So a process
    may be killed while it writes, and several may write at once: they write the same.

    The file is read, not mapped. Mapped pages count as memory of the process, and a page that the disk cannot deliver
    ends the process by a signal.
    """

    ndim = 4

    def __init__(
        self,
        every: Iterable[Example],
        examples: Sequence[Example],
        preprocessing: Preprocessing,
        decode: Callable[[Example], np.ndarray],
        workers: int = 0,
    ):
        """
        Args:
            every: the photographs of the data set.
            examples: those of the part, in the order of the rows.
            decode: from an example to uint8 [S, S, 3].
            workers: threads that decode; 0: one a core.

        Raises:
            OSError: the disk has no space for the file; a new one is removed.
        """
        contents = sorted({example.sha256 for example in every})
        number_of = {content: number for number, content in enumerate(contents)}
        self.examples, self._decode, self._workers = examples, decode, workers or os.cpu_count()
        self._places = np.array([number_of[example.sha256] for example in examples], np.int64)
        self.shape = (len(examples), preprocessing.size, preprocessing.size, 3)
        self._size = 3 * preprocessing.size**2
        key = _content_key(contents, preprocessing)
        self._pixels, self._sums_file = (folder() / f"{key}.{kind}" for kind in ("pixels", "sha256"))
        _make(self._pixels, len(contents) * self._size)
        _make(self._sums_file, len(contents) * SUM_SIZE)
        self._sums = np.fromfile(self._sums_file, np.uint8, len(contents) * SUM_SIZE).reshape(-1, SUM_SIZE)
        self._compared = np.zeros(len(contents), bool)
        self._warned = False

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        with self._pixels.open("rb", buffering=0) as file:
            missing = [number for number, row in enumerate(rows.tolist()) if not self._read(file, row, images[number])]
        for number, image in zip(missing, self._pool.map(self._made, rows[missing].tolist()), strict=True):
            images[number] = image
        return images

    @property
    def missing(self) -> int:
        """The photographs that are not decoded yet."""
        return int((~self._sums[self._places].any(1)).sum())

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._workers)

    def _read(self, file: io.FileIO, row: int, image: np.ndarray) -> bool:
        """Whether the pixels are there, and have been read into `image`."""
        place = int(self._places[row])
        if (wanted := self._sums[place].tobytes()) == NONE:
            return False
        file.seek(place * self._size)
        whole = file.readinto(image.data) == self._size
        if whole and not self._compared[place]:
            self._compared[place] = whole = hashlib.sha256(image.data).digest() == wanted
        if not whole and not self._warned:
            self._warned = True
            damage = f"{self._pixels} is not as it was written, so the photographs that changed are decoded anew"
            warnings.warn(damage, DamageWarning, stacklevel=2)
        return whole

    def _made(self, row: int) -> np.ndarray:
        """The pixels of a photograph, decoded and written. Its sum is written last."""
        image, place = self._decode(self.examples[row]), int(self._places[row])
        pixels = image.tobytes()
        total = hashlib.sha256(pixels).digest()
        for path, content in ((self._pixels, pixels), (self._sums_file, total)):
            with path.open("r+b") as file:
                file.seek(place * len(content))
                file.write(content)
        self._sums[place], self._compared[place] = np.frombuffer(total, np.uint8), True
        return image


def folder() -> Path:
    return cache_dir() / "decoded"


def _make(path: Path, size: int) -> None:
    """Make a file of zeros that has its space, or fill it up to this size; so a full disk is told of at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        before = file.tell()
        if before >= size:
            return
        try:
            _reserve(file.fileno(), size)
        except OSError as error:
            if not before:
                path.unlink()
            raise OSError(error.errno, error.strerror, str(path.parent)) from error


def _reserve(descriptor: int, size: int) -> None:
    os.truncate(descriptor, size)
    if hasattr(os, "posix_fallocate"):  # macOS has none
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # the file system does not support it
                raise


def _content_key(contents: Sequence[str], preprocessing: Preprocessing) -> str:
    p, versions = preprocessing, [PIL.__version__, source.sha256(*SOURCE)]
    recipe = [*versions, p.size, p.resize, p.crop, p.interpolation, *contents]
    return hashlib.sha256(json.dumps(recipe).encode()).hexdigest()
