"""Writes files into a folder, each completely or not at all, under names that are free."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from flowers_jax.errors import UsageError
from flowers_jax.storage.atomic import PARTIAL

Place = Callable[[Callable[[Path], object], str, str], Path]
"""`place(write, inside, name)`: see `placing`."""


@contextlib.contextmanager
def placing(folder: str, flag: str, inside: Iterable[str] = ()) -> Iterator[Place]:
    """`place(write, inside, name)` makes the file `folder`/`inside`/`name` by `write(temporary path)`; its path.

    If the name is taken, it gets a number: `rose.jpg`, `rose-2.jpg`. A folder that is made and stays empty is removed.

    Args:
        flag: the beginning of messages, such as `--sort=DIR`.
        inside: the folders in `folder` that may be used; they are made when they are.

    Raises:
        UsageError: one of these folders is a file, or `folder` cannot be made.
    """
    root, new = Path(folder), not os.path.lexists(folder)
    for path in (root, *(root / name for name in inside)):
        if os.path.lexists(path) and not os.path.isdir(path):
            raise UsageError(f"{flag}: {path} is a file; a folder is needed")
    try:
        root.mkdir(parents=True, exist_ok=True)
        partial = tempfile.TemporaryDirectory(dir=root, prefix=PARTIAL)
    except OSError as error:
        raise UsageError(f"{flag}: cannot be written ({error.strerror or error})") from error
    last: dict[Path, int] = {}

    def place(write: Callable[[Path], object], inside: str, name: str) -> Path:
        whole, target = Path(partial.name) / name, root / inside / name
        write(whole)
        target.parent.mkdir(exist_ok=True)
        free = target
        while os.path.lexists(free):
            last[target] = last.get(target, 1) + 1
            free = target.with_stem(f"{target.stem}-{last[target]}")
        return whole.rename(free)

    try:
        with partial:
            yield place
    finally:
        if new:
            with contextlib.suppress(OSError):  # it is not empty
                root.rmdir()
