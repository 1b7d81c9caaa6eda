"""Makes a data set from files: reads, hashes and checks each once, and skips those that cannot be used."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from flowers_jax.config_types import Data
from flowers_jax.data.checks import known_alike, known_good
from flowers_jax.data.checks.known_good import Known
from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.data.decode import DecodeError, decode
from flowers_jax.runtime import progress


class Candidate(NamedTuple):
    """A file that may be a photograph; `split` is "" unless its part is given, `group` unless it belongs to one."""

    path: str
    class_name: str
    split: str = ""
    group: str = ""


def collect(
    name: str,
    reason: str,
    candidates: Sequence[Candidate],
    read: Callable[[str], bytes],
    data: Data,
    *,
    source: str = "",
    skipped: Iterable[Skipped] = (),
    remarks: Iterable[Skipped] = (),
    fractions: tuple[float, float, float] | None = None,
    keeps_copies: bool = False,
) -> Dataset:
    """The data set of the candidates that can be decoded; there may be none.

    Args:
        read: from the path of a candidate to its bytes; may raise `OSError` or `DecodeError`.
        data: `max_pixels`, `workers` and `group_similar` of it are used.
        skipped: what is left out already.
        name, reason, source, remarks, fractions, keeps_copies: as in `Dataset`; `source` is `name` by default.
    """
    known, new = known_good.load(), dict[str, Known]()

    def check(candidate: Candidate) -> tuple[str, Known] | Skipped:
        try:
            content = read(candidate.path)
            sha256 = hashlib.sha256(content).hexdigest()
            found = known.get(sha256)
            if found is None or found.area > data.max_pixels:
                new[sha256] = found = known_good.seen(decode(content, max_pixels=data.max_pixels))
        except DecodeError as error:
            return Skipped(candidate.path, str(error))
        except OSError as error:
            return Skipped(candidate.path, error.strerror or str(error))
        return sha256, found

    with ThreadPoolExecutor(data.workers or os.cpu_count()) as pool:
        checks = pool.map(check, candidates)
        checked = list(progress.track(checks, "checking", len(candidates)))
    known_good.add(new)
    usable = [(c, *found) for c, found in zip(candidates, checked, strict=True) if not isinstance(found, Skipped)]
    classes = tuple(sorted({candidate.class_name for candidate, *_ in usable}))
    prints = {sha256: found.fingerprint for _, sha256, found in usable} if data.group_similar else {}
    alike, label_of = known_alike.groups(prints), {name: label for label, name in enumerate(classes)}
    return Dataset(
        name=name,
        reason=reason,
        classes=classes,
        examples=tuple(
            Example(c.path, label_of[c.class_name], sha256, c.split, c.group, alike.get(sha256, ""), found.pixels)
            for c, sha256, found in usable
        ),
        read=read,
        skipped=tuple(sorted([*skipped, *(found for found in checked if isinstance(found, Skipped))])),
        fractions=fractions,
        remarks=tuple(remarks),
        source=source or name,
        keeps_copies=keeps_copies,
    )
