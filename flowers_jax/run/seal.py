"""`manifest.json`: the SHA-256 of files of a folder. A file that is not listed was not finished.

Orbax loads most flipped bits without an error, and a file that a full disk has truncated may still parse.
"""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from flowers_jax.storage import atomic
from flowers_jax.storage.fetch import sha256_of

NAME = "manifest.json"


def seal(folder: Path) -> None:
    """Sync every file below `folder`, and list them all."""
    inside = [Path(parent) / name for parent, _, names in os.walk(folder) for name in names if name != NAME]
    write(folder, {file.relative_to(folder).as_posix(): _synced(file) for file in inside})
    for parent, _, _ in os.walk(folder):
        atomic.sync_folder(Path(parent))
    atomic.sync_folder(folder.parent)


def write(folder: Path, sums: Mapping[str, str]) -> None:
    """Write the list: path with `/` relative to `folder` -> SHA-256 in hexadecimal."""
    with atomic.replacing(folder / NAME) as partial:
        partial.write_text(json.dumps(dict(sorted(sums.items())), indent=2) + "\n")


def read(folder: Path) -> dict[str, str]:
    """The checksums; empty if there is no `manifest.json`.

    Raises:
        ValueError: it is damaged.
    """
    if not os.path.exists(folder / NAME):
        return {}
    if not (folder / NAME).is_file():  # reading a FIFO would never end
        raise ValueError("no file")
    try:
        sums = json.loads((folder / NAME).read_bytes())
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not isinstance(sums, dict) or not all(isinstance(value, str) for value in sums.values()):
        raise ValueError("no table of sums")
    return sums


def damage(folder: Path) -> str:
    """What is wrong with a sealed folder, in words; "" if nothing is.

    Raises:
        OSError: it cannot be read now, which says nothing about its content.
    """
    if folder.is_symlink():
        return "it is a link"
    if not folder.is_dir():
        return "it is no folder"
    try:
        sums = read(folder)
    except ValueError:
        return f"its {NAME} is damaged"
    found = next((words for name, expected in sums.items() if (words := _damage(folder, name, expected))), "")
    if not (folder / NAME).is_file():  # another process may be removing it
        return f"it was not finished, or has lost its {NAME}"
    return found


def _damage(folder: Path, name: str, expected: str) -> str:
    file = folder / name
    try:
        # A forged list may name files outside the folder.
        if not stat.S_ISREG(file.stat().st_mode) or not file.resolve().is_relative_to(folder.resolve()):
            return f"its {name} is missing"
        return "" if sha256_of(file) == expected else f"its {name} is not as it was written"
    except (FileNotFoundError, NotADirectoryError):
        return f"its {name} is missing"


def _synced(file: Path) -> str:
    with file.open("r+b") as stream:
        os.fsync(stream.fileno())
    return sha256_of(file)
