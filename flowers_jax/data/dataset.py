"""What a source of photographs hands on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from flowers_jax.runtime.terminal import shown


class Skipped(NamedTuple):
    """A file or a class (`name/`) that is not used, and why; or of `Dataset.remarks`, what is odd about it."""

    path: str
    reason: str

    def __str__(self) -> str:
        """One line for a terminal, whatever the file is called."""
        return shown(f"{self.path}: {self.reason}")


@dataclass(frozen=True)
class Example:
    """One photograph.

    Attributes:
        path: relative to the data folder, with `/`; or `name:index`.
        label: index into `Dataset.classes`.
        sha256: of its bytes.
        split: `train`, `validation` or `test`; "" until it is decided.
        group: the smallest SHA-256 among the contents that look alike; "" where no one has looked.
    """

    path: str
    label: int
    sha256: str
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Dataset:
    """Labelled photographs, not yet decoded.

    Attributes:
        name: for `summary.json`.
        reason: why it is this one, for the banner.
        classes: sorted names.
        read: the bytes of an example's path.
        skipped: what was left out.
        fractions: the source's own split where it has one, in place of the base config's.
        remarks: what is used and still should be looked at.
    """

    name: str
    reason: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    read: Callable[[str], bytes]
    skipped: tuple[Skipped, ...] = ()
    fractions: tuple[float, float, float] | None = None
    remarks: tuple[Skipped, ...] = ()
