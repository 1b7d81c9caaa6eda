"""The sum of our own code, for the names of what it computes: a changed decoder must not find the old one's pixels."""

import functools
import hashlib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable


@functools.cache
def sha256(*parts: str, root: Traversable | None = None) -> str:
    """SHA-256 over the names and bytes of modules: files below `root`, and folders for every module in them.

    Args:
        root: where they lie; by default the package, as it is installed.

    Raises:
        FileNotFoundError: there is no such part.
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
