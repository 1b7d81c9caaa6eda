"""Files that get their name when they are whole and on the disk."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def settle(partial: Path, path: Path) -> Path:
    """Sync `partial` and rename it to `path`, or the name could outlive a power failure and the content not."""
    with partial.open("r+b") as file:
        os.fsync(file.fileno())
    return partial.replace(path)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place to write what then becomes `path`; where writing fails nothing is left.

    Several processes may do so at once: each has a place of its own, and the last counts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        partial = Path(folder) / path.name
        yield partial
        settle(partial, path)
