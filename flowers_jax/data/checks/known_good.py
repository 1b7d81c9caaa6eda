"""Remembers contents that were decoded before, so a second start does not decode every photograph to check it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import imagehash
import PIL

from flowers_jax.data import decode
from flowers_jax.storage import atomic, fetch, source

_LINE = re.compile("([0-9a-f]{64}) ([0-9]+) ([0-9a-f]{64})")


class Known(NamedTuple):
    """The number of pixels of a content, and its `similar.fingerprint`."""

    pixels: int
    fingerprint: str


def _file() -> Path:
    ours = source.sha256(*decode.SOURCE, "data/checks/similar.py")
    versions = f"pillow-{PIL.__version__}-imagehash-{imagehash.__version__}-source-{ours[:16]}"
    return fetch.cache_dir() / f"decoded-{versions}.txt"


def load() -> dict[str, Known]:
    """What this version of Pillow, imagehash and the decoder saw, by SHA-256. Damaged lines are ignored."""
    try:
        lines = [_LINE.fullmatch(line) for line in _file().read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        return {}
    return {line[1]: Known(int(line[2]), line[3]) for line in lines if line}


def add(found: Mapping[str, Known]) -> None:
    """Remember these too. If the file cannot be written, the next start only takes longer."""
    if not found:
        return
    try:
        seen = load() | dict(found)
        text = "".join(f"{sha256} {known.pixels} {known.fingerprint}\n" for sha256, known in seen.items())
        with atomic.replacing(_file()) as partial:
            partial.write_text(text)
    except OSError:
        return
