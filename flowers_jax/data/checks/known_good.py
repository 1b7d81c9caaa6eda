"""Remembers contents that were decoded before, so a second start does not decode every photograph to check it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import PIL
from jaxtyping import UInt8

from flowers_jax.data import decode
from flowers_jax.data.checks import similar
from flowers_jax.storage import atomic, fetch, source

_LINE = re.compile("([0-9a-f]{64}) ([0-9]+) ([0-9a-f]{64}) ([0-9a-f]{64})")


class Known(NamedTuple):
    """Of a content: the height times the width, `similar.fingerprint`, and the SHA-256 of the pixels."""

    area: int
    fingerprint: str
    pixels: str


def seen(rgb: UInt8[np.ndarray, "height width 3"]) -> Known:
    """What is remembered of a decoded photograph [H, W, 3]."""
    height, width, _ = rgb.shape
    return Known(height * width, similar.fingerprint(rgb), sum_of_pixels(rgb))


def sum_of_pixels(rgb: UInt8[np.ndarray, "height width 3"]) -> str:
    """SHA-256 of the height, the width and the RGB bytes of a decoded photograph [H, W, 3]."""
    height, width, _ = rgb.shape
    digest = hashlib.sha256(f"{height} {width}\n".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def _file() -> Path:
    ours = source.sha256(*decode.SOURCE, "data/checks/similar.py", "data/checks/known_good.py")
    versions = f"pillow-{PIL.__version__}-imagehash-{imagehash.__version__}-source-{ours[:16]}"
    return fetch.cache_dir() / f"decoded-{versions}.txt"


def load() -> dict[str, Known]:
    """What this version of Pillow, imagehash and the decoder saw, by SHA-256. Damaged lines are ignored."""
    try:
        lines = [_LINE.fullmatch(line) for line in _file().read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        return {}
    return {line[1]: Known(int(line[2]), line[3], line[4]) for line in lines if line}


def add(found: Mapping[str, Known]) -> None:
    """Remember these too. If the file cannot be written, the next start only takes longer."""
    if not found:
        return
    try:
        every = load() | dict(found)
        text = "".join(f"{sha256} {k.area} {k.fingerprint} {k.pixels}\n" for sha256, k in every.items())
        with atomic.replacing(_file()) as partial:
            partial.write_text(text)
    except OSError:
        return
