"""The data set that a source of photographs returns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

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
        group: the smallest SHA-256 among the contents that look alike; "" if they were not compared.
        pixels: SHA-256 of its height, its width and its decoded RGB bytes: the same for every lossless encoding.
    """

    path: str
    label: int
    sha256: str
    split: str = ""
    group: str = ""
    pixels: str = ""


@dataclass(frozen=True)
class Dataset:
    """Labelled photographs, not yet decoded.

    Attributes:
        name: for `summary.json`.
        reason: why this data set was chosen, for the banner.
        classes: sorted names.
        read: from the path of an example to its bytes.
        skipped: what is left out.
        fractions: the source's own split, if it has one, instead of the default of the config.
        remarks: what is used and should still be reviewed.
    """

    name: str
    reason: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    read: Callable[[str], bytes]
    skipped: tuple[Skipped, ...] = ()
    fractions: tuple[float, float, float] | None = None
    remarks: tuple[Skipped, ...] = ()
