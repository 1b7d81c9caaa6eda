"""Makes a data set from files: reads, hashes and checks each once, and skips those that cannot be used."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tqdm import tqdm

from flowers_jax.data.checks import known_good, similar
from flowers_jax.data.checks.known_good import Known
from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.data.decode import DecodeError, decode


class Candidate(NamedTuple):
    """A file that may be a photograph; `split` is "" unless the folder is divided."""

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
    group_similar: bool = True,
    skipped: Iterable[Skipped] = (),
    fractions: tuple[float, float, float] | None = None,
) -> Dataset:
    """The data set of the candidates that can be decoded; there may be none.

    Args:
        group_similar: find photographs that look alike.
        read: from the path of a candidate to its bytes; may raise `OSError` or `DecodeError`.
        skipped: what is left out already.
    """

    known, new = known_good.load(), dict[str, Known]()

    def check(candidate: Candidate) -> tuple[str, Known] | Skipped:
        try:
            data = read(candidate.path)
            sha256 = hashlib.sha256(data).hexdigest()
            found = known.get(sha256)
            if found is None or found.area > max_pixels:
                new[sha256] = found = known_good.seen(decode(data, max_pixels=max_pixels))
        except DecodeError as error:
            return Skipped(candidate.path, str(error))
        except OSError as error:
            return Skipped(candidate.path, error.strerror or str(error))
        return sha256, found

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        checks = pool.map(check, candidates)
        checked = list(tqdm(checks, "checking", len(candidates), unit="img", leave=False, disable=None))
    known_good.add(new)
    usable = [(c, *found) for c, found in zip(candidates, checked, strict=True) if not isinstance(found, Skipped)]
    group_of = similar.groups({sha256: found.fingerprint for _, sha256, found in usable}) if group_similar else {}
    classes = tuple(sorted({candidate.class_name for candidate, *_ in usable}))
    return Dataset(
        name=name,
        reason=reason,
        classes=classes,
        examples=tuple(
            Example(c.path, classes.index(c.class_name), sha256, c.split, group_of.get(sha256, ""), pixels=found.pixels)
            for c, sha256, found in usable
        ),
        read=read,
        skipped=tuple(sorted([*skipped, *(found for found in checked if isinstance(found, Skipped))])),
        fractions=fractions,
    )
