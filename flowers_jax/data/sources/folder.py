"""A folder of class folders, or of train/validation/test folders of class folders, with all their irregularities."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowers_jax.config_types import Config, Data
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.checks.review import UNUSED_CLASS, review, untrained
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.data.decode import MAX_PIXELS, read_photograph
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.data.split import PARTS
from flowers_jax.errors import UsageError

_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
_NOT_PHOTOGRAPHS = {"thumbs.db", "desktop.ini"}


def load_folder(root: str, **options: Any) -> Dataset:
    """`scan_folder(root, **options)`, with an error if no model can be trained on the photographs.

    Raises:
        UsageError: no such folder, no photograph in it, or a class of validation or test that train does not have. The
            message begins with `root`.
    """
    dataset = scan_folder(root, **options)
    seen = f"; the first of {len(dataset.skipped)} skipped: {dataset.skipped[0]}" if dataset.skipped else ""
    if not dataset.examples:
        raise UsageError(f"{root}: no usable photograph in class folders below it{seen}")
    if strange := untrained(dataset):
        raise UsageError(f"{root}: train/ has no usable photograph of class {', '.join(strange)}{seen}")
    return dataset


def scan_folder(
    root: str,
    *,
    max_pixels: int = MAX_PIXELS,
    follow_links: bool = False,
    workers: int = 0,
    group_similar: bool = True,
) -> Dataset:
    """Every photograph below `root` that a new run would use, by `review`; there may be none.

    Args:
        group_similar: find photographs that look alike; False if all show one scene.

    Raises:
        UsageError: no such folder.
    """
    options = Data(
        max_pixels=max_pixels, follow_links=follow_links, workers=workers, group_similar=group_similar
    )  # fmt: skip
    return review(find_photographs(root, options))


def find_photographs(root: str, data: Data) -> Dataset:
    """Every usable photograph below `root`; there may be none.

    Nested folders belong to their class. Hidden files, `Thumbs.db` and loose files that are not images are ignored.
    Everything else that is not used is in `Dataset.skipped`.

    Args:
        data: `follow_links` of it is used, and what `collect` uses.

    Raises:
        UsageError: no such folder.
    """
    folder = Path(os.path.expanduser(root))
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "no such folder"
        raise UsageError(f"{root}: {what}; a folder of class folders is needed")
    walk = _Walk(folder, data.follow_links)
    candidates = list(walk.candidates())
    found = collect(
        folder.resolve().name,
        "the folder that config.data.dir names",
        candidates,
        lambda path: read_photograph(folder / path, data.max_pixels),
        data,
        source=f"folder {folder.resolve()}",
        skipped=walk.skipped,
    )
    empty = sorted(Skipped(f"{name}/", UNUSED_CLASS) for name in walk.classes - set(found.classes))
    return replace(found, skipped=(*found.skipped, *empty), remarks=tuple(_mistaken_parts(found)))


def _mistaken_parts(dataset: Dataset) -> Iterator[Skipped]:
    """Classes with a name like a training part, which contain folders that another class contains too."""
    inside: dict[str, set[str]] = {name: set() for name in dataset.classes}
    for example in dataset.examples:
        top, *folders = example.path.split("/")[:-1]
        if not example.split:
            inside[top].add(folders[0] if folders else "")
    for name, folders in inside.items():
        others = set().union(*(held for other, held in inside.items() if other != name))
        if "train" in name.casefold() and "" not in folders and (shared := sorted(folders & others)):
            where = f"{shared[0]}/ is in other classes too"
            yield Skipped(f"{name}/", f"used as a class, but {where}; parts are named train/, validation/, test/")


class _Walk:
    """One pass over the names without opening a file; collects what cannot be a photograph.

    The type of an entry comes from `os.path`, which returns False where others raise: `os.DirEntry` on a circular
    link, Python 3.11's `Path` on an unreadable path.
    """

    def __init__(self, root: Path, follow_links: bool):
        self.root = Path(os.path.realpath(root))
        self.given = root
        self.follow_links = follow_links
        self.skipped: list[Skipped] = []
        self.classes: set[str] = set()
        self.visited: set[Path] = set()

    def candidates(self) -> Iterator[Candidate]:
        """Each regular file in a class folder, sorted by path."""
        top = self._entries(self.given)
        parts = self._parts(top)
        if not parts:
            yield from self._class_folders(top, "")
            return
        for entry in top:
            if entry.name in parts:
                yield from self._class_folders(self._entries(Path(entry.path)), parts[entry.name])
            elif os.path.isdir(entry.path) or Path(entry.name).suffix.lower() in _IMAGE_SUFFIXES:
                self._skip(entry.path, "beside the folders train/, validation/ and test/, which are used")

    def _parts(self, top: list[os.DirEntry[str]]) -> dict[str, str]:
        """{folder: split} if there are a train folder and one of the others, else {}."""
        named = {entry.name: PARTS[entry.name.lower()] for entry in top if entry.name.lower() in PARTS}
        if "train" not in named.values() or len(named) < 2:
            return {}
        found = {entry.name: named[entry.name] for entry in top if entry.name in named and self._is_folder(entry)}
        train = [self.given / name for name, split in found.items() if split == "train"]
        if not train or len(found) < 2:
            return {}
        if not any(os.path.isdir(entry.path) for folder in train for entry in self._entries(folder)):
            return {}  # "train" is a class here
        for split in set(found.values()):
            if len(twice := sorted(name for name, part in found.items() if part == split)) > 1:
                raise UsageError(f"{self.given}: has several {split} folders ({', '.join(twice)}); keep one")
        return found

    def _class_folders(self, entries: list[os.DirEntry[str]], split: str) -> Iterator[Candidate]:
        for entry in entries:
            if self._is_folder(entry):
                self.classes.add(entry.name)
                yield from (Candidate(path, entry.name, split) for path in self._files(Path(entry.path)))
            elif entry.is_symlink() and not os.path.isfile(entry.path):
                self._is_file(entry)  # records the reason
            elif Path(entry.name).suffix.lower() in _IMAGE_SUFFIXES:
                self._skip(entry.path, "not in a class folder")

    def _files(self, folder: Path) -> Iterator[str]:
        inside = [iter(self._entries(folder))]  # a stack: folders may be nested deeper than Python's recursion limit
        while inside:
            entry = next(inside[-1], None)
            if entry is None:
                inside.pop()
            elif self._is_folder(entry):
                inside.append(iter(self._entries(Path(entry.path))))
            elif self._is_file(entry):
                yield self._relative(entry.path)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._skip(str(folder), error.strerror or str(error))
            return []
        return [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _NOT_PHOTOGRAPHS]

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return entry.is_dir()
        real = Path(os.path.realpath(entry.path))
        if not os.path.isdir(real) or not self.follow_links or self._inside(real) or real in self.visited:
            return False
        self.visited.add(real)  # two links that lead into each other would never end
        return True

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        try:
            mode = entry.stat().st_mode
        except FileNotFoundError:
            return self._skip(entry.path, "broken link")
        except OSError as error:
            return self._skip(entry.path, error.strerror or str(error))
        if entry.is_symlink():
            outside = not self._inside(Path(os.path.realpath(entry.path)))
            if outside and not self.follow_links:
                return self._skip(entry.path, "link out of the folder (follow_links reads it)")
            if stat.S_ISDIR(mode):
                return self._skip(entry.path, "link to a folder that is read already")
        return stat.S_ISREG(mode) or self._skip(entry.path, "not a regular file")

    def _inside(self, real: Path) -> bool:
        return real.is_relative_to(self.root)

    def _skip(self, path: str, reason: str) -> bool:
        self.skipped.append(Skipped(self._relative(path), reason))
        return False

    def _relative(self, path: str) -> str:
        return Path(path).relative_to(self.given).as_posix()


def _named(config: Config) -> Dataset:
    root = config.data.dir
    if not root:
        raise UsageError("--config.data.name=folder: give --config.data.dir=FOLDER")
    try:
        return find_photographs(root, config.data)
    except UsageError as error:
        raise UsageError(f"--config.data.dir={error}") from error


register(Source("folder", _named))
