"""An array that is computed once and kept in the cache folder. Without it a run only takes longer."""

import contextlib
import zipfile
from pathlib import Path

import numpy as np

from flowers_jax.storage import atomic


def read(file: Path) -> np.ndarray | None:
    """The array of a file that `write` wrote; None if the file is missing or damaged: a zip has checksums."""
    with contextlib.suppress(OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile), file.open("rb") as stream:
        return np.load(stream)["array"]
    return None


def write(file: Path, array: np.ndarray) -> None:
    """Keep it as an `.npz`, if the disk takes it."""
    with contextlib.suppress(OSError), atomic.replacing(file) as partial:
        np.savez(partial, array=array)
