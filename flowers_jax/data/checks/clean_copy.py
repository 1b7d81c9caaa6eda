"""Writes a new folder from the photographs of another, completely or not at all; the other folder is only read."""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from flowers_jax.data.dataset import Dataset
from flowers_jax.data.decode import DecodeError, format_of
from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.runtime.terminal import shown

MODES: dict[str, Callable] = {"copy": shutil.copy2, "hardlink": os.link, "symlink": os.symlink}

_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "PNG": (".png", ".apng"), "WEBP": (".webp",),
    "GIF": (".gif",), "BMP": (".bmp", ".dib"), "TIFF": (".tif", ".tiff"),
}  # fmt: skip
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}")
"""What counts as a suffix, right or wrong: not the end of `St. Moritz` or `trip.2024`."""


def check_target(folder: str, out: str, flag: str) -> None:
    """Refuse an `out` that cannot become a copy of `folder`, before work starts.

    Args:
        flag: the beginning of messages, such as `--out=DIR`.

    Raises:
        UsageError: `out` is neither new nor empty, or is inside `folder`.
    """
    target = Path(out).resolve()
    if os.path.exists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise UsageError(f"{flag}: exists already and is not an empty folder")
    if target.is_relative_to(_source(folder)):
        raise UsageError(f"{flag}: is inside {folder}, where it would become a class")


def write(folder: str, out: str, flag: str, names: Mapping[str, str], mode: str = "copy") -> None:
    """Write files of `folder` to `out`, which `check_target` has accepted.

    Args:
        names: path in `folder` -> path in `out`.
        mode: one of `MODES`: copies, hard links or symbolic links.

    Raises:
        UsageError: `out` cannot be written.
    """
    target = Path(out).resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise UsageError(f"{flag}: cannot be written ({error.strerror or error})") from error
    with partial as place:
        whole = Path(place) / "whole"
        for path, name in names.items():
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            MODES[mode]((_source(folder) / path).resolve(), whole / name)
        whole.rename(target)


def right_names(dataset: Dataset) -> dict[str, str]:
    """The path of each photograph -> the path with the suffix of its format, and a number if that path exists already.

    Raises:
        TrainingError: a file changed or disappeared since it was checked.
    """
    paths = [PurePosixPath(example.path) for example in dataset.examples]
    taken = {name for path in paths for name in (path, *path.parents)}
    names = {}
    for path in paths:
        try:
            suffixes = _SUFFIXES[format_of(dataset.read(str(path)))]
        except (DecodeError, OSError) as error:
            raise TrainingError(f"{shown(str(path))} changed since it was checked: {error}") from error
        right = path if path.suffix.lower() in suffixes else _free(path, suffixes[0], taken)
        taken.add(right)
        names[str(path)] = str(right)
    return names


def _free(path: PurePosixPath, suffix: str, taken: set[PurePosixPath]) -> PurePosixPath:
    stem = path.stem if _SUFFIX.fullmatch(path.suffix) else path.name
    numbered = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    return next(name for end in numbered if (name := path.with_name(f"{stem}{end}{suffix}")) not in taken)


def _source(folder: str) -> Path:
    return Path(os.path.expanduser(folder)).resolve()
