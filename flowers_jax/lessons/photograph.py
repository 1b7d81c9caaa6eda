"""The photograph that the lessons use."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from flowers_jax.data.decode import DecodeError, decode, read_photograph
from flowers_jax.data.sources import procedural
from flowers_jax.errors import UsageError

Photograph = UInt8[np.ndarray, "height width 3"]

SIDE = 192
DRAWN = ("five_petals", 1)


def load(path: str | None = None) -> Photograph:
    """The central square of a photograph at 192x192, or a flower drawn in code, 48x48, if no path is given.

    Raises:
        UsageError: the file cannot be read, or is not a photograph.
    """
    if path is None:
        return decode(procedural.draw(*DRAWN))
    try:
        return decode(read_photograph(Path(path)), SIDE, crop=1.0)
    except OSError as error:
        raise UsageError(f"--photograph={path}: cannot be read ({error.strerror or error})") from error
    except DecodeError as error:
        raise UsageError(f"--photograph={path}: {error}; give a JPEG, PNG, WebP, GIF, BMP or TIFF") from error
