"""From named files to a data set: read, hash and check each once, and leave out what cannot be used."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tqdm import tqdm

from flowers_jax.data import known_good
from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.data.decode import DecodeError, decode


class Candidate(NamedTuple):
    """A file that may be a photograph; `split` is "" unless it lies in a ready-made part."""

    path: str
    class_name: str
    split: str = ""


def collect(
    name: str,
    reason: str,
    candidates: Sequence[Candidate],
    read: Callable[[str], bytes],
    *,
    max_pixels: int,
    workers: int = 0,
    skipped: Iterable[Skipped] = (),
    fractions: tuple[float, float, float] | None = None,
) -> Dataset:
    """The data set of those candidates that decode; there may be none.

    Args:
        read: the bytes of a candidate's path; may raise `OSError` or `DecodeError`.
        skipped: what was left out before.
    """

    known, new = known_good.load(), dict[str, int]()

    def check(candidate: Candidate) -> str | Skipped:
        try:
            data = read(candidate.path)
            sha256 = hashlib.sha256(data).hexdigest()
            if known.get(sha256, max_pixels + 1) > max_pixels:
                height, width, _ = decode(data, max_pixels=max_pixels).shape
                new[sha256] = height * width
        except DecodeError as error:
            return Skipped(candidate.path, str(error))
        except OSError as error:
            return Skipped(candidate.path, error.strerror or str(error))
        return sha256

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        checks = pool.map(check, candidates)
        checked = list(tqdm(checks, "checking", len(candidates), unit="img", leave=False, disable=None))
    known_good.add(new)
    usable = [(c, found) for c, found in zip(candidates, checked, strict=True) if isinstance(found, str)]
    classes = tuple(sorted({candidate.class_name for candidate, _ in usable}))
    return Dataset(
        name=name,
        reason=reason,
        classes=classes,
        examples=tuple(Example(c.path, classes.index(c.class_name), sha256, c.split) for c, sha256 in usable),
        read=read,
        skipped=tuple(sorted([*skipped, *(found for found in checked if isinstance(found, Skipped))])),
        fractions=fractions,
    )
