"""Files that get their name only when they are complete and on the disk."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


def sync_and_rename(partial: Path, path: Path) -> Path:
    """Sync `partial` and rename it to `path`. Without the sync a power failure could leave the name and no content."""
    _sync(partial)
    partial.replace(path)
    sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder; syncing a file does not sync its name."""
    if os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path; at the end it becomes `path`. If writing fails, nothing is left.

    Several processes may do this at once. Each has its own temporary path, and the last one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=PARTIAL))
    try:
        yield folder / path.name
        sync_and_rename(folder / path.name, path)
    finally:  # TemporaryDirectory recurses without end if the permission is lost
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def making(folder: Path) -> Iterator[Path]:
    """A temporary folder; at the end it becomes `folder`, which is new or empty. If anything fails, nothing is left.

    Raises:
        OSError: another process has filled `folder` meanwhile.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=PARTIAL))
    try:
        (whole := partial / folder.name).mkdir()
        yield whole
        for path in (*whole.rglob("*"), whole):
            (sync_folder if path.is_dir() else _sync)(path)
        whole.replace(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


PARTIAL = ".partial-"
"""The prefix of temporary paths. Those of a killed process may be removed."""
