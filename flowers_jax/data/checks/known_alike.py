"""Remembers which photographs look alike, so a second start does not compare them."""

import hashlib
from collections.abc import Mapping

import numpy as np

from flowers_jax.data.checks import similar
from flowers_jax.runtime.cache import cache_dir
from flowers_jax.storage import kept, source

FEWEST = 5000
"""Fewer photographs are compared in less than a second."""


def groups(fingerprints: Mapping[str, str]) -> dict[str, str]:
    """`similar.groups`, which is computed once for the same contents."""
    if len(fingerprints) < FEWEST:
        return similar.groups(fingerprints)
    contents = sorted(fingerprints)
    digest = hashlib.sha256(source.sha256("data/checks/similar.py").encode())
    for content in contents:
        digest.update(f"{content} {fingerprints[content]}\n".encode())
    file = cache_dir() / "alike" / f"{digest.hexdigest()}.npz"
    numbers = kept.read(file)
    if numbers is None:
        found, number_of = similar.groups(fingerprints), {content: number for number, content in enumerate(contents)}
        numbers = np.array([number_of[found[content]] for content in contents], np.int32)
        kept.write(file, numbers)
    return {content: contents[number] for content, number in zip(contents, numbers.tolist(), strict=True)}
