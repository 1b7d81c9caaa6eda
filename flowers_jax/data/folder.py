"""A folder of class folders, or of train/validation/test folders of them, as people really have them."""

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.data.decode import MAX_PIXELS, DecodeError, decode
from flowers_jax.errors import UsageError

PARTS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
"""Folder name -> split, for folders that are divided already."""

_IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
_NOT_PHOTOGRAPHS = {"thumbs.db", "desktop.ini"}


def load_folder(root: str, *, max_pixels: int = MAX_PIXELS, follow_links: bool = False, workers: int = 0) -> Dataset:
    """Every usable photograph below `root`, each opened once to hash and check it.

    Nested folders belong to their class. Hidden files and `Thumbs.db` are passed over; everything else that is
    not used is in `Dataset.skipped`.

    Raises:
        UsageError: no such folder, no photograph in it, or a class of validation/test that train does not have.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "no such folder"
        raise UsageError(f"data folder {root}: {what}; give --config.data.dir=FOLDER, a folder of class folders")
    walk = _Walk(folder, follow_links)
    candidates = list(walk.candidates(_part_folders(folder)))

    def check(item: tuple[str, str, str]) -> Example | Skipped:
        path, _, split = item
        try:
            data = (folder / path).read_bytes()
            decode(data, max_pixels=max_pixels)
        except (DecodeError, OSError) as error:
            return Skipped(path, error.strerror or str(error) if isinstance(error, OSError) else str(error))
        return Example(path, 0, hashlib.sha256(data).hexdigest(), split)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        checked = list(zip(pool.map(check, candidates), candidates, strict=True))
    usable = [(example, name) for example, (_, name, _) in checked if isinstance(example, Example)]
    skipped = walk.skipped + [found for found, _ in checked if isinstance(found, Skipped)]
    classes = tuple(sorted({name for _, name in usable}))
    skipped += [Skipped(f"{name}/", "class without a usable photograph") for name in walk.classes - set(classes)]
    if not usable:
        seen = f"; the first of {len(skipped)} skipped: {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise UsageError(f"data folder {root}: no usable photograph in class folders below it{seen}")
    examples = tuple(replace(example, label=classes.index(name)) for example, name in usable)
    _check_parts(root, classes, examples)
    return Dataset(
        name=folder.resolve().name,
        reason="the folder that config.data.dir names",
        classes=classes,
        examples=examples,
        read=lambda path: (folder / path).read_bytes(),
        skipped=tuple(sorted(skipped)),
    )


def twins(dataset: Dataset) -> list[Skipped]:
    """Photographs with a byte-identical copy in another class or in another ready-made part."""
    copies: dict[str, list[Example]] = {}
    for example in dataset.examples:
        copies.setdefault(example.sha256, []).append(example)
    found = []
    for same in copies.values():
        for example in same:
            others = [e for e in same if (e.label, e.split) != (example.label, example.split)]
            if others:
                what = "class" if others[0].label != example.label else "part"
                found.append(Skipped(example.path, f"byte-identical to {others[0].path}, of another {what}"))
    return found


class _Walk:
    """One pass over the names, opening nothing; collects what cannot be a photograph."""

    def __init__(self, root: Path, follow_links: bool):
        self.root = Path(os.path.realpath(root))
        self.given = root
        self.follow_links = follow_links
        self.skipped: list[Skipped] = []
        self.classes: set[str] = set()
        self.visited: set[Path] = set()

    def candidates(self, parts: dict[str, str]) -> Iterator[tuple[str, str, str]]:
        """(path, class, split) of each regular file in a class folder, sorted by path."""
        for part, split in sorted(parts.items()) or [("", "")]:
            for entry in self._entries(self.given / part):
                if self._is_folder(entry):
                    self.classes.add(entry.name)
                    yield from ((path, entry.name, split) for path in self._files(Path(entry.path)))
                elif entry.is_symlink() and Path(entry.path).is_dir():
                    self._skip(entry.path, "link to a folder (config.data.follow_links=True reads it)")
                elif Path(entry.name).suffix.lower() in _IMAGE_SUFFIXES:
                    self._skip(entry.path, "not in a class folder")

    def _files(self, folder: Path) -> Iterator[str]:
        for entry in self._entries(folder):
            if self._is_folder(entry):
                yield from self._files(Path(entry.path))
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
        if not real.is_dir() or not self.follow_links or self._inside(real) or real in self.visited:
            return False
        self.visited.add(real)  # two links into each other would never end
        return True

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        try:
            mode = entry.stat().st_mode
        except OSError:
            return self._skip(entry.path, "broken link")
        if entry.is_symlink():
            if stat.S_ISDIR(mode):
                return self._skip(entry.path, "link to a folder")
            if not self.follow_links and not self._inside(Path(os.path.realpath(entry.path))):
                return self._skip(entry.path, "link out of the folder (config.data.follow_links=True reads it)")
        return stat.S_ISREG(mode) or self._skip(entry.path, "not a regular file")

    def _inside(self, real: Path) -> bool:
        return real.is_relative_to(self.root)

    def _skip(self, path: str, reason: str) -> bool:
        self.skipped.append(Skipped(self._relative(path), reason))
        return False

    def _relative(self, path: str) -> str:
        return Path(path).relative_to(self.given).as_posix()


def _part_folders(folder: Path) -> dict[str, str]:
    """{folder: split} where `folder` holds at least train and one of the others, else {}."""
    found = {name: split for name, split in PARTS.items() if (folder / name).is_dir()}
    if "train" not in found or len(found) < 2 or not _holds_folders(folder / "train"):
        return {}
    if len(set(found.values())) < len(found):
        raise UsageError(f"data folder {folder}: both validation/ and val/ are there; keep one")
    return found


def _holds_folders(folder: Path) -> bool:
    return any(entry.is_dir() for entry in folder.iterdir())


def _check_parts(root: str, classes: tuple[str, ...], examples: tuple[Example, ...]) -> None:
    if not examples[0].split:
        return
    trained = {example.label for example in examples if example.split == "train"}
    if strange := sorted({example.label for example in examples} - trained):
        names = ", ".join(classes[label] for label in strange)
        raise UsageError(f"data folder {root}: train/ has no usable photograph of class {names}")
