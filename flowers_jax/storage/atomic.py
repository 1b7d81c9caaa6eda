"""Files that get their name when they are whole and on the disk."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def settle(partial: Path, path: Path) -> Path:
    """Sync `partial` and rename it to `path`, or the name could outlive a power failure and the content not."""
    with partial.open("r+b") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Names live in their folder, which is synced by itself."""
    if os.name == "nt":  # which cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write what then becomes `path`; where writing fails nothing is left.

    Several processes may do so at once: each has a place of its own, and the last counts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=PARTIAL))
    try:
        yield folder / path.name
        settle(folder / path.name, path)
    finally:  # TemporaryDirectory would call itself without end where the permission is gone
        shutil.rmtree(folder, ignore_errors=True)


PARTIAL = ".partial-"
"""How the names of such places begin; what a killed process left of them may be removed."""
