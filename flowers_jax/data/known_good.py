"""Contents that decoded before, so that a second start need not decode every photograph only to check it."""

from collections.abc import Mapping
from pathlib import Path

import PIL

from flowers_jax import atomic, fetch


def _file() -> Path:
    return fetch.cache_dir() / f"decodable-pillow-{PIL.__version__}.txt"


def load() -> dict[str, int]:
    """SHA-256 of a file's content -> its pixels, of what this version of Pillow decoded. Damaged lines are left out."""
    try:
        lines = [line.split() for line in _file().read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        return {}
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and len(line[0]) == 64 and line[1].isdecimal()}


def add(found: Mapping[str, int]) -> None:
    """Remember these too. Where that cannot be written it is not remembered, and nothing is lost."""
    if not found:
        return
    try:
        text = "".join(f"{sha256} {pixels}\n" for sha256, pixels in (load() | dict(found)).items())
        with atomic.replacing(_file()) as partial:
            partial.write_text(text)
    except OSError:
        return
