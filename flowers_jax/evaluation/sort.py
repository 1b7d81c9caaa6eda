"""Copies photographs into a folder for each predicted class."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from flowers_jax.evaluation.trained_model import Predicted
from flowers_jax.storage.placing import Place

REVIEW = "review"
"""The folder of photographs whose class is in doubt."""

_UNSAFE = frozenset('/\\:*?"<>|')
_LONGEST = 200
"""In bytes; file systems allow 255."""


def copied(
    predicted: Iterable[Predicted], place: Place, folders: Sequence[str], review_below: float = 0.0
) -> Iterator[Predicted]:
    """Copy each photograph, with its times, into the folder of its likeliest class, and hand it on.

    Args:
        folders: of each class, by `folder_names`.
        review_below: if the largest probability is less, the folder is `REVIEW`.
    """
    for one in predicted:
        best = int(one.probabilities.argmax())
        folder = REVIEW if one.probabilities[best] < review_below else folders[best]
        place(partial(shutil.copy2, one.path), folder, Path(one.path).name)
        yield one


def folder_names(classes: Sequence[str]) -> list[str]:
    r"""A folder name for each class that is safe everywhere: one level, not hidden, not `REVIEW`, no two alike.

    `a/b` becomes `a_b`, and so does each of `\:*?"<>|` and of control characters.
    """
    taken, names = {REVIEW}, []
    for name in classes:
        plain = "".join(c if c.isprintable() and c not in _UNSAFE else "_" for c in name).strip(". ") or "_"
        plain = unique = plain.encode()[:_LONGEST].decode(errors="ignore")
        number = 1
        while unique.casefold() in taken:
            number += 1
            unique = f"{plain}-{number}"
        taken.add(unique.casefold())
        names.append(unique)
    return names
