"""Copies that would make a label or a figure wrong are left out of a folder's photographs, and listed."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.data.split import SPLITS, group_id


def leave_out(dataset: Dataset) -> Dataset:
    """`dataset` without two kinds of copies.

    Byte-identical photographs in several classes of a part: no one can tell which label is right, so all of them go.
    And in ready-made parts what looks like a photograph of a later one, which would be learned before it is tested:
    train gives way to validation, and both to test, which stays what its maker made it.
    """
    clashing = _clashes(dataset.examples)
    leaking = _leaks(example for example in dataset.examples if example.path not in clashing)
    return _without(dataset, clashing | leaking)


def _clashes(examples: Iterable[Example]) -> dict[str, Skipped]:
    """By path, the photographs that another class of the same part has too."""
    found = {}
    for same in _together(examples, lambda example: (example.sha256, example.split)):
        first_of = {example.label: example for example in reversed(same)}
        for example in same if len(first_of) > 1 else ():
            other = next(other for label, other in first_of.items() if label != example.label)
            found[example.path] = Skipped(example.path, f"byte-identical to {other.path}, which is in another class")
    return found


def _leaks(examples: Iterable[Example]) -> dict[str, Skipped]:
    """By path, the photographs that a later part has too, or one that looks alike."""
    found = {}
    for alike in _together(examples, group_id):
        last = max((example.split for example in alike), key=("", *SPLITS).index)
        others = [example for example in alike if example.split == last]
        path_of = {other.sha256: other.path for other in reversed(others)}
        for example in alike:
            if example.split != last:
                same = path_of.get(example.sha256)
                what = f"byte-identical to {same}" if same else f"looks like {others[0].path}"
                found[example.path] = Skipped(example.path, f"{what}, which is in another part")
    return found


def _together(examples: Iterable[Example], key: Callable[[Example], Hashable]) -> list[list[Example]]:
    """Those of the same key, where there are several."""
    found: dict[Hashable, list[Example]] = {}
    for example in examples:
        found.setdefault(key(example), []).append(example)
    return [same for same in found.values() if len(same) > 1]


def _without(dataset: Dataset, problems: dict[str, Skipped]) -> Dataset:
    """The rest, with the classes that are left."""
    kept = [example for example in dataset.examples if example.path not in problems]
    labels = sorted({example.label for example in kept})
    return replace(
        dataset,
        classes=tuple(dataset.classes[label] for label in labels),
        examples=tuple(replace(example, label=labels.index(example.label)) for example in kept),
        skipped=tuple(sorted([*dataset.skipped, *problems.values()])),
    )
