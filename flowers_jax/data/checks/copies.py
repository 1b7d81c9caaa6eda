"""Removes copies that make a label or a figure wrong, and lists them."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace

from flowers_jax.data.dataset import Dataset, Example, Skipped
from flowers_jax.data.split import SPLITS, alike_id


def leave_out(dataset: Dataset) -> Dataset:
    """`dataset` without two kinds of copies.

    Byte-identical photographs in several classes of a part are all removed, because the right label is unknown. Where
    parts are given, a photograph that looks like one in a later part is removed, because the model would train on what
    it is tested on. The order is train, validation, test, so the test part does not change.
    """
    clashing = _clashes(dataset.examples)
    leaking = _leaks(example for example in dataset.examples if example.path not in clashing)
    return _without(dataset, clashing | leaking)


def _clashes(examples: Iterable[Example]) -> dict[str, Skipped]:
    """By path, the photographs that are also in another class of the same part."""
    found = {}
    for same in _groups_by(examples, lambda example: (example.sha256, example.split)):
        first_of = {example.label: example for example in reversed(same)}
        for example in same if len(first_of) > 1 else ():
            other = next(other for label, other in first_of.items() if label != example.label)
            found[example.path] = Skipped(example.path, f"byte-identical to {other.path}, which is in another class")
    return found


def _leaks(examples: Iterable[Example]) -> dict[str, Skipped]:
    """By path, the photographs that have a copy, or one that looks alike, in a later part."""
    found = {}
    for alike in _groups_by(examples, alike_id):
        last = max((example.split for example in alike), key=("", *SPLITS).index)
        others = [example for example in alike if example.split == last]
        path_of = {other.sha256: other.path for other in reversed(others)}
        for example in alike:
            if example.split != last:
                same = path_of.get(example.sha256)
                what = f"byte-identical to {same}" if same else f"looks like {others[0].path}"
                found[example.path] = Skipped(example.path, f"{what}, which is in another part")
    return found


def _groups_by(examples: Iterable[Example], key: Callable[[Example], Hashable]) -> list[list[Example]]:
    """The groups of examples with the same key, if they have more than one example."""
    found: dict[Hashable, list[Example]] = {}
    for example in examples:
        found.setdefault(key(example), []).append(example)
    return [same for same in found.values() if len(same) > 1]


def _without(dataset: Dataset, problems: dict[str, Skipped]) -> Dataset:
    """The data set without `problems`, with the remaining classes."""
    kept = [example for example in dataset.examples if example.path not in problems]
    labels = sorted({example.label for example in kept})
    return replace(
        dataset,
        classes=tuple(dataset.classes[label] for label in labels),
        examples=tuple(replace(example, label=labels.index(example.label)) for example in kept),
        skipped=tuple(sorted([*dataset.skipped, *problems.values()])),
    )
