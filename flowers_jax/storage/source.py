"""The SHA-256 of the package's own code. It is part of cache names, so changed code finds no results of old code."""

import functools
import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable


@functools.cache
def sha256(*parts: str, root: Traversable | None = None) -> str:
    """SHA-256 over the names and bytes of modules: files below `root`, or folders with all their modules.

    Args:
        root: the folder of the modules; by default the installed package.

    Raises:
        FileNotFoundError: a part does not exist.
    """
    digest = hashlib.sha256()
    for part in parts:
        for name, module in _modules(part, (root or resources.files("flowers_jax")) / part):
            digest.update(f"{name} {hashlib.sha256(module.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _modules(name: str, place: Traversable) -> Iterator[tuple[str, Traversable]]:
    if not place.is_dir():
        yield name, place
        return
    for inside in sorted(place.iterdir(), key=lambda one: one.name):
        if inside.is_dir() or inside.name.endswith(".py"):
            yield from _modules(f"{name}/{inside.name}", inside)
