"""The data set that a source of photographs returns."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, NamedTuple

from flowers_jax.runtime import process
from flowers_jax.runtime.terminal import shown


class Skipped(NamedTuple):
    """A file or a class (`name/`) that is not used, and why. In `Dataset.remarks`: one that is used, and its oddity."""

    path: str
    reason: str

    def __str__(self) -> str:
        """One line for a terminal, for any file name."""
        return shown(f"{self.path}: {self.reason}")


@dataclass(frozen=True)
class Example:
    """One photograph.

    Attributes:
        path: relative to the data folder, with `/`; or `name:index`.
        label: index into `Dataset.classes`.
        sha256: of its bytes.
        split: `train`, `validation` or `test`; "" until it is assigned.
        group: of the user: a plant, a patient, a video. It is never in two parts. "" if it belongs to none.
        alike: the smallest SHA-256 among the contents that look alike; "" if they were not compared.
        pixels: SHA-256 of its height, its width and its decoded RGB bytes: the same for every lossless encoding.
    """

    path: str
    label: int
    sha256: str
    split: str = ""
    group: str = ""
    alike: str = ""
    pixels: str = ""


FROM_PYTHON = {"data.name": "arrays", "data.dir": "", "data.csv": "", "data.array": ""}
"""`Dataset.origin` of what only the program holds that made it."""


@dataclass(frozen=True)
class Dataset:
    """Labelled photographs, not yet decoded.

    Attributes:
        name: for `summary.json`.
        reason: why this data set was chosen, for the banner.
        classes: names, sorted where the source gives no order.
        read: from the path of an example to its bytes.
        skipped: what is left out.
        fractions: the source's own split, if it has one, instead of the default of the config.
        remarks: what is used and should still be reviewed.
        source: where the photographs are from: `folder /path`, `csv FILE`, `tfds NAME:VERSION`, `arrays`.
        origin: the keys of a config that name it, as `{"data.dir": "photographs", ...}`.
        keeps_copies: copies and photographs that look alike are a part of it, and `review` leaves none out.
    """

    name: str
    reason: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    read: Callable[[str], bytes]
    skipped: tuple[Skipped, ...] = ()
    fractions: tuple[float, float, float] | None = None
    remarks: tuple[Skipped, ...] = ()
    source: str = ""
    origin: Mapping[str, Any] = field(default_factory=FROM_PYTHON.copy)
    keeps_copies: bool = False

    def __repr__(self) -> str:
        """One line, for any number of photographs."""
        source = self.source or self.name
        return f"Dataset({source}: {len(self.examples)} photographs, {len(self.classes)} classes)"

    @staticmethod
    def from_folder(folder: str | PathLike[str], **keys: Any) -> "Dataset":
        """The photographs of a folder of class folders, or of train/validation/test folders of class folders.

        Args:
            keys: keys of `config.data` without `data.`: `group_pattern`, `group_similar`, `follow_links`, `max_pixels`,
                `workers`.

        Raises:
            UsageError: no such folder, a path that `group_pattern` does not match, or a wrong key.
        """
        return _sources().from_keys(dir=str(folder), **keys)

    @staticmethod
    def from_csv(file: str | PathLike[str], **keys: Any) -> "Dataset":
        """The photographs of a table with the columns `path`, `label` and, if you like, `split` and `group`.

        Args:
            keys: as in `from_folder`, and `csv_path`, `csv_label`, `csv_split`, `csv_group`, the names of the columns.

        Raises:
            UsageError: no such table, a wrong line in it, none of its files is there, or a wrong key.
        """
        return _sources().from_keys(csv=str(file), **keys)

    @staticmethod
    def from_tfds(name: str, **keys: Any) -> "Dataset":
        """An image-classification set of TensorFlow Datasets, with its own test part if it has one.

        Args:
            name: `NAME[/CONFIG][:VERSION]`, as `cifar10` or `oxford_flowers102:2.1.1`.
            keys: `group_similar`, `max_pixels`, `workers`.

        Raises:
            UsageError: there is no such set, it does not classify images, it cannot be downloaded, or a wrong key.
        """
        return _sources().from_keys(name=f"tfds:{name}", **keys)

    @staticmethod
    def from_arrays(
        images: Any, labels: Any, classes: Any = None, split: Any = None, groups: Any = None, **keys: Any
    ) -> "Dataset":
        """Decoded photographs.

        Args:
            images: uint8 [N, H, W, 3], or a sequence of N arrays uint8 [H, W, 3] of any sizes.
            labels: N whole numbers, or N names.
            classes: the name of each number; without it the class of 3 has the name `3`. The classes of the data set
                are in this order; without it, numbers and names are sorted.
            split: N parts, `train`, `validation` or `test`; without it `data.split` divides the photographs.
            groups: N names or numbers. A group is never in two parts; "" or None belongs to none.
            keys: `group_similar`, `max_pixels`, `workers`.

        Raises:
            UsageError: another shape, dtype or length, a number without a class, or a wrong key.
        """
        return _sources().from_arrays(images, labels, classes, split, groups, **keys)


def _sources() -> Any:
    """The module, which is above this one and loads JAX."""
    with process.unchanged_by_imports():
        from flowers_jax.data import sources
    return sources


def identity(dataset: Dataset) -> dict[str, Any]:
    """The `source` of the photographs, their number (`examples`), and a `sha256` of them.

    The hash is over the content, the class and the group of every example, whatever their order and their paths.
    """
    rows = sorted([example.sha256, dataset.classes[example.label], example.group] for example in dataset.examples)
    return {
        "source": dataset.source or dataset.name,
        "sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
        "examples": len(rows),
    }
