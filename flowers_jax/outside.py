"""Code from outside the package: `my_package.my_module:NAME`, or `path/to/file.py:NAME`."""

import contextlib
import functools
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowers_jax.errors import UsageError, first_line


def is_outside(name: str) -> bool:
    """Whether a name leads outside the package."""
    return ":" in name


def load(name: str, key: str) -> Any:
    """What the name leads to; its module runs, once in a process.

    Args:
        key: the configuration key that has this value, for messages.

    Raises:
        UsageError: there is no such file, module or attribute, or the module fails.
    """
    flag, (place, _, attribute) = f"--config.{key}={name}", name.rpartition(":")
    try:
        module = _module(place)
    except FileNotFoundError as error:
        raise UsageError(f"{flag}: no such file {place}") from error
    except Exception as error:  # whatever code from outside does wrong is its author's to read in one line
        raise UsageError(f"{flag}: {type(error).__name__}: {first_line(error)}") from error
    if not hasattr(module, attribute):
        raise UsageError(f"{flag}: {place} has no {attribute or 'name behind the colon'}")
    return getattr(module, attribute)


def sha256(name: str) -> str:
    """Of the file that the code of a name stands in, which was loaded before."""
    return hashlib.sha256(Path(_module(name.rpartition(":")[0]).__file__).read_bytes()).hexdigest()


def _module(place: str) -> Any:
    if place.endswith(".py"):
        return _of_file(os.path.realpath(os.path.expanduser(place)))
    with importable(Path.cwd()):  # a module beside the user's data, as other tools find it
        return importlib.import_module(place)


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Within this context a module in that folder can be imported by its name."""
    before = sys.path
    sys.path = [str(folder), *before]
    try:
        yield
    finally:
        sys.path = before


@functools.cache
def _of_file(path: str) -> Any:
    """The module that a file holds."""
    if not os.path.isfile(path):
        raise FileNotFoundError(path)
    spec: Any = importlib.util.spec_from_file_location(f"flowers_jax_outside_{Path(path).stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickles look
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module
