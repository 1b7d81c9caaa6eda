"""One file of a whole data set: photographs as JPEGs of about the size that a model sees, with their classes and parts.

It is an `.npz` of NumPy, without pickle:

    image_size, name, keeps_copies       of the data set
    classes [C]                          names
    paths, labels, splits, groups [N]    as in `Example`
    sha256, pixels [N]                   of the JPEG, and of its decoded pixels
    ends [N]                             where the JPEG ends in `jpegs`
    jpegs [bytes]                        all JPEGs, one after the other; not compressed again, so each is read alone
"""

import hashlib
import io
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from flowers_jax.data.checks import known_good
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.data.decode import DecodeError, decode
from flowers_jax.data.pipeline import in_threads
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import TrainingError, UsageError, first_line
from flowers_jax.runtime import progress
from flowers_jax.runtime.terminal import shown
from flowers_jax.storage import atomic

SUFFIX = ".npz"
QUALITY = 78
"""Of the JPEGs, as Pillow counts. At 224 pixels they take 15 kB each."""

AHEAD = 64
"""Photographs that are encoded while one is written."""

JPEGS = "jpegs.npy"
LOCAL_HEADER = struct.Struct("<26xHH")
"""Of a member of a zip: the lengths of its name and of its extra field, which follow. Source: PKWARE APPNOTE, 4.3.7."""


class Encoded(NamedTuple):
    """A JPEG, its SHA-256, and the SHA-256 of its pixels."""

    jpeg: bytes
    sha256: str
    pixels: str


class Prepared(NamedTuple):
    """What a file holds.

    Attributes:
        starts, ends: int64 [N], where each JPEG stands in the file.
    """

    file: Path
    image_size: int
    name: str
    keeps_copies: bool
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    starts: np.ndarray
    ends: np.ndarray

    def jpegs(self) -> Iterator[bytes]:
        """Every JPEG, in order."""
        with self.file.open("rb") as stream:
            for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
                yield _at(stream, start, end)

    def read(self, number: int) -> bytes:
        """One JPEG."""
        with self.file.open("rb") as stream:
            return _at(stream, int(self.starts[number]), int(self.ends[number]))


def write(file: Path, dataset: Dataset, image_size: int, max_pixels: int) -> None:
    """Write a data set whose photographs have their parts, completely or not at all.

    A photograph becomes upright RGB, and its shorter side `image_size`; a smaller one keeps its size.

    Raises:
        TrainingError: a photograph changed since it was checked.
        OSError: the disk is full, or does not let it be written.
    """

    def encoded(example: Example) -> Encoded:
        try:
            return encode(dataset.read(example.path), image_size, max_pixels)
        except (DecodeError, OSError) as error:
            what = shown(f"{example.path}: {error}")
            raise TrainingError(f"a photograph changed since it was checked: {what}") from error

    sums, ends, total = list[Encoded](), list[int](), 0
    with atomic.replacing(file) as partial, partial.with_name("jpegs").open("w+b") as jpegs:
        done = in_threads(encoded, dataset.examples, ahead=AHEAD)
        for one in progress.track(done, "encoding", len(dataset.examples)):
            total += jpegs.write(one.jpeg)
            sums.append(one._replace(jpeg=b""))
            ends.append(total)
        jpegs.seek(0)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, column in _columns(dataset, image_size, sums, ends).items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, column, allow_pickle=False)
            with archive.open(zipfile.ZipInfo(JPEGS), "w", force_zip64=True) as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": (total,)}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(jpegs, member, 2**20)


def encode(content: bytes, image_size: int, max_pixels: int) -> Encoded:
    """The JPEG of a photograph whose shorter side has at most `image_size` pixels.

    Raises:
        DecodeError: see `decode`.
    """
    picture = Image.fromarray(decode(content, max_pixels=max_pixels))
    scale = image_size / min(picture.size)
    if scale < 1:
        width, height = (max(1, round(scale * side)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=QUALITY, optimize=True)
    jpeg = stream.getvalue()
    return Encoded(jpeg, hashlib.sha256(jpeg).hexdigest(), known_good.sum_of_pixels(decode(jpeg)))


def _columns(dataset: Dataset, image_size: int, sums: list[Encoded], ends: list[int]) -> dict[str, np.ndarray]:
    examples = dataset.examples
    return {
        "image_size": np.array(image_size), "name": np.array(dataset.name, np.str_),
        "keeps_copies": np.array(dataset.keeps_copies), "classes": np.array(dataset.classes, np.str_),
        "paths": np.array([example.path for example in examples], np.str_),
        "labels": np.array([example.label for example in examples], np.int32),
        "splits": np.array([example.split for example in examples], np.str_),
        "groups": np.array([example.group for example in examples], np.str_),
        "sha256": np.array([one.sha256 for one in sums], "S64"),
        "pixels": np.array([one.pixels for one in sums], "S64"),
        "ends": np.array(ends, np.int64),
    }  # fmt: skip


def read(file: Path) -> Prepared:
    """What a file holds, but for its JPEGs, which are compared with their SHA-256.

    Raises:
        UsageError: there is no such file, another program wrote it, or it is damaged.
    """
    try:
        place, total = _place_of_jpegs(file)
        with np.load(file, allow_pickle=False) as columns:
            prepared = _prepared(file, columns, place, total)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; scripts/prepare.py FOLDER --out={file} writes one") from None
    except KeyError as error:
        raise UsageError(f"{file}: is no file of scripts/prepare.py ({first_line(error)})") from error
    except (OSError, ValueError, EOFError, struct.error, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"{file}: damaged, or no file of scripts/prepare.py ({first_line(error)})") from error
    for jpeg, example in zip(prepared.jpegs(), prepared.examples, strict=True):
        if hashlib.sha256(jpeg).hexdigest() != example.sha256:
            raise UsageError(
                f"{file}: damaged, {shown(example.path)} is not as it was written; copy or prepare it again"
            )
    return prepared


COLUMNS = {"paths": "U", "labels": "i", "splits": "U", "groups": "U", "sha256": "S", "pixels": "S", "ends": "i"}
"""The columns of photographs, with the kinds of NumPy."""


def _prepared(file: Path, columns: Mapping[str, np.ndarray], place: int, total: int) -> Prepared:
    """
    Args:
        place, total: where the JPEGs begin, and their bytes.

    Raises:
        ValueError: the columns are not what `write` writes.
    """
    found, classes = {name: columns[name] for name in COLUMNS}, columns["classes"]
    if {array.shape for array in found.values()} != {found["paths"].shape} or found["paths"].ndim != 1:
        raise ValueError("its columns differ in length")
    kinds = {name: array.dtype.kind for name, array in found.items()}
    if kinds != COLUMNS or classes.ndim != 1 or classes.dtype.kind != "U":
        raise ValueError("a column has another type")
    labels, ends = found["labels"], found["ends"].astype(np.int64)
    if ((labels < 0) | (labels >= len(classes))).any() or not set(found["splits"].tolist()) <= set(SPLITS):
        raise ValueError("a label has no class, or a part no name")
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    if not len(ends) or (ends < starts).any() or ends[-1] != total:
        raise ValueError("its photographs do not fill it")
    if len(set(classes.tolist())) < len(classes) or len(set(found["paths"].tolist())) < len(ends):
        raise ValueError("a name is given twice")
    sha256, pixels = (np.char.decode(found[name], "ascii").tolist() for name in ("sha256", "pixels"))
    rows = zip(*(found[name].tolist() for name in ("paths", "labels", "splits", "groups")), sha256, pixels, strict=True)
    return Prepared(
        file, int(columns["image_size"]), str(columns["name"]), bool(columns["keeps_copies"]), tuple(classes.tolist()),
        tuple(Example(path, label, sha, part, group, pixels=sum_) for path, label, part, group, sha, sum_ in rows),
        place + starts, place + ends,
    )  # fmt: skip


def _place_of_jpegs(file: Path) -> tuple[int, int]:
    """Where the bytes of `jpegs` begin in the file, and how many they are."""
    with zipfile.ZipFile(file) as archive, file.open("rb") as stream:
        member = archive.getinfo(JPEGS)
        if member.compress_type != zipfile.ZIP_STORED:
            raise ValueError("its jpegs are compressed")
        stream.seek(member.header_offset)
        name, extra = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
        stream.seek(name + extra, io.SEEK_CUR)
        np.lib.format.read_magic(stream)
        (total,), _, _ = np.lib.format.read_array_header_1_0(stream)
        return stream.tell(), total


def _at(stream: io.BufferedReader, start: int, end: int) -> bytes:
    stream.seek(start)
    return stream.read(end - start)
