"""One process, or several that train together, are in a run directory at a time."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock

from flowers_jax.errors import UsageError
from flowers_jax.runtime import processes

NAME = ".lock"


@contextlib.contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, which is created if it is missing; of several processes the first one holds it.

    The operating system releases the lock when the process ends in any way. The file stays and names the last owner.

    Raises:
        UsageError: another process holds it.
    """
    if not processes.is_first():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / NAME)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        owner = (folder / NAME).read_text().strip() or "another process"
        raise UsageError(
            f"--workdir={folder}: {owner} is training there; wait for it, stop it, or give another --workdir"
        ) from None
    try:
        (folder / NAME).write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        lock.release()
