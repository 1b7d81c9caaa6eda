"""The files that the paths of a command select: files, folders, patterns and a list on standard input."""

import os
import sys
from collections.abc import Iterator, Sequence
from glob import has_magic
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from flowers_jax.data.dataset import Skipped
from flowers_jax.data.decode import FORMATS
from flowers_jax.errors import UsageError

_SUFFIXES = {suffix for suffix, name in Image.registered_extensions().items() if name in (*FORMATS, "MPO")}
_OPENED = 16
"""Pillow recognizes a format by this many bytes."""


class Selection(NamedTuple):
    """What paths select.

    Attributes:
        paths: of the files, in the order in which they were given and then by name; each file once.
        folders: that were given and read.
        ignored: how many files of folders are hidden or no photographs.
        unread: folders below the given ones that could not be read.
    """

    paths: list[str]
    folders: list[str]
    ignored: int
    unread: list[Skipped]


def select(given: Sequence[str], *, recursive: bool = False) -> Selection:
    """The files that `given` names; a path that is no folder, no pattern and no file is one of them.

    A file of a folder is selected if its suffix or its first bytes are those of one of `FORMATS`. Hidden files are
    not, and links to folders below a given folder are not followed.

    Args:
        given: files, folders, patterns (`*`, `?`, `[...]`, `**`) where no file has that name, and `-` for standard
            input: one file or folder a line, or each ended by a NUL as by `find -print0`.
        recursive: read the folders below a folder too.

    Raises:
        UsageError: a folder without photographs, a pattern that matches no photograph, or nothing on standard input.
    """
    walk = _Walk(recursive)
    for path in given:
        if path == "-":
            walk.add_list(_listed())
        elif has_magic(path) and not os.path.lexists(path):
            walk.add_matches(path)
        elif os.path.isdir(path):
            walk.add_folder(path)
        else:
            walk.add_file(path)
    return Selection(list(walk.files.values()), walk.folders, walk.ignored, walk.unread)


class _Walk:
    """`files` maps the real folder and the name of a file to the path that was given first."""

    def __init__(self, recursive: bool):
        self.recursive = recursive
        self.files: dict[tuple[str, str], str] = {}
        self.folders: list[str] = []
        self.ignored = 0
        self.unread: list[Skipped] = []
        self._real: dict[str, str] = {}

    def add_file(self, path: str) -> None:
        folder, name = os.path.split(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        self.files.setdefault((self._real[folder], name), path)

    def add_list(self, paths: Sequence[str]) -> None:
        if not paths:
            raise UsageError("-: standard input is empty; it lists photographs, one path a line")
        for path in paths:
            (self.add_folder if os.path.isdir(path) else self.add_file)(path)

    def add_matches(self, pattern: str) -> None:
        found = False
        for path in _matches(pattern):
            if os.path.isdir(path):
                found |= self._add_photographs(path)[0]
            else:
                self.add_file(path)
                found = True
        if not found:
            raise UsageError(f"{pattern}: no photograph has such a path")

    def add_folder(self, path: str) -> None:
        found, below = self._add_photographs(path)
        if not found and self.unread and self.unread[-1].path == path:
            raise UsageError(str(self.unread[-1]))
        if not found:
            hint = f", but {below} folders; --recursive reads them too" if below and not self.recursive else ""
            raise UsageError(f"{path}: no photographs in this folder{hint}")

    def _add_photographs(self, given: str) -> tuple[bool, int]:
        """Whether the folder has photographs; how many folders are in those that were read."""
        self.folders.append(given)
        found, below, unread = False, 0, [given]
        while unread:
            folders, files = self._entries(unread.pop())
            below += len(folders)
            if self.recursive:
                unread += [one.path for one in reversed(folders) if not (one.is_symlink() or one.name.startswith("."))]
            photographs = [entry.path for entry in files if _is_photograph(entry)]
            self.ignored += len(files) - len(photographs)
            for path in photographs:
                self.add_file(path)
            found |= bool(photographs)
        return found, below

    def _entries(self, folder: str) -> tuple[list[os.DirEntry[str]], list[os.DirEntry[str]]]:
        """The folders and the files in a folder, sorted by name."""
        folders, files = [], []
        try:
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                (folders if os.path.isdir(entry.path) else files).append(entry)
        except OSError as error:
            self.unread.append(Skipped(folder, error.strerror or str(error)))
        return folders, files


def _is_photograph(entry: os.DirEntry[str]) -> bool:
    """By the suffix, or by the first bytes. What has the suffix of a photograph and is none is an error to be told."""
    if entry.name.startswith("."):
        return False
    if Path(entry.name).suffix.lower() in _SUFFIXES:
        return True
    if not os.path.isfile(entry.path):  # opening a FIFO would never end
        return False
    try:
        with Path(entry.path).open("rb") as file:
            prefix = file.read(_OPENED)
    except OSError:
        return False
    return any(accept(prefix) for name in FORMATS if (accept := Image.OPEN[name][1]))


def _matches(pattern: str) -> Iterator[str]:
    """Sorted; without hidden names, as in a shell, unless the pattern begins a name with a dot.

    `Path.glob` does not follow links to folders in `**`, which `glob.glob` does.
    """
    parts = Path(os.path.expanduser(pattern)).parts
    first = next(number for number, part in enumerate(parts) if has_magic(part))
    root, wanted = Path(*parts[:first]), parts[first:]
    try:
        found = sorted(root.glob(str(Path(*wanted))))
    except (ValueError, OSError) as error:
        raise UsageError(f"{pattern}: not a pattern ({error})") from error
    for path in found:
        names = path.relative_to(root).parts
        if any(part.startswith(".") for part in wanted) or not any(name.startswith(".") for name in names):
            yield str(path)


def _listed() -> list[str]:
    data = sys.stdin.buffer.read() if sys.stdin else b""
    if b"\0" in data:
        return [os.fsdecode(line) for line in data.split(b"\0") if line]
    return [os.fsdecode(line.removesuffix(b"\r")) for line in data.split(b"\n") if line.removesuffix(b"\r")]
