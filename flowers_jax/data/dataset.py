"""What a source of photographs hands on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


class Skipped(NamedTuple):
    """A file that is not used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Example:
    """One photograph.

    Attributes:
        path: relative to the data folder, with `/`; or `name:index`.
        label: index into `Dataset.classes`.
        sha256: of its bytes.
        split: `train`, `validation` or `test`; "" until it is decided.
    """

    path: str
    label: int
    sha256: str
    split: str = ""


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
    """

    name: str
    reason: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    read: Callable[[str], bytes]
    skipped: tuple[Skipped, ...] = ()
    fractions: tuple[float, float, float] | None = None
