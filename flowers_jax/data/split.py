"""Divides examples into train, validation and test: seeded, stratified, and by content.

Within each class the distinct contents are ranked by a hash of (seed, content). The first go to test, the next to
validation, the rest to train. So a split does not depend on file names or their order. New photographs move few of
the others. Files that are byte-identical, look alike or have the same group stay in one part, in any class.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from flowers_jax.data.dataset import Example
from flowers_jax.errors import UsageError

SPLITS = ("train", "validation", "test")


PARTS = {"train": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
"""Name of a given part, in lower case -> split."""


def alike_id(example: Example) -> str:
    """What an example shares with those that look like it, or with its copies if looks were not compared."""
    return example.alike or example.sha256


def units(examples: Iterable[Example]) -> dict[str, str]:
    """The units that are not divided, from `alike_id` to the smallest one in the unit.

    Photographs are of one unit if they look alike or have the same group, or if other photographs connect them so.
    """
    unit: dict[str, str] = {}

    def smallest(one: str) -> str:
        while unit[one] != one:
            unit[one] = one = unit[unit[one]]  # a shorter way for the next search
        return one

    first_of: dict[str, str] = {}
    for example in examples:
        one = alike_id(example)
        unit.setdefault(one, one)
        if example.group:
            ends = smallest(first_of.setdefault(example.group, one)), smallest(one)
            unit[max(ends)] = min(ends)
    return {one: smallest(one) for one in unit}


def assign(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> list[Example]:
    """Each example with its `split`; examples with given parts keep theirs.

    If the given parts include test and not validation, validation is taken from train.

    Raises:
        UsageError: train or validation is empty; or test is, where groups leave nothing for it.
    """
    made = {example.split for example in examples} - {""}
    if not made:
        done = _ranked(examples, fractions, seed)
    elif "validation" in made:
        done = list(examples)
    else:
        rest = [replace(example, split="") for example in examples if example.split == "train"]
        kept = [example for example in examples if example.split != "train"]
        train, validation, _ = fractions
        scale = train + validation
        done = _ranked(rest, (train / scale, validation / scale, 0.0), seed) + kept
    wants_test = not made and fractions[2] > 0 and any(example.group for example in examples)
    _check(done, fractions, SPLITS if wants_test else SPLITS[:2])
    return done


def assign_fold(
    examples: Sequence[Example], folds: int, number: int, fractions: Sequence[float], seed: int
) -> list[Example]:
    """Each example with its `split`; fold `number`, from 1, of `folds` is test.

    Every unit is in one fold. Each class, and the whole set, is distributed evenly over the folds. Validation is taken
    from the other folds, in its proportion to train in `fractions`.

    Raises:
        UsageError: the parts are given already, or a part is empty.
    """
    if any(example.split for example in examples):
        raise UsageError(
            "--config.data.folds: the photographs are divided into train, validation or test already; give some that "
            "are not"
        )
    unit, fold_of = units(examples), dict[str, int]()
    for label in sorted({example.label for example in examples}):
        ours = {unit[alike_id(example)] for example in examples if example.label == label} - fold_of.keys()
        dealt = sorted(ours, key=lambda one: _rank(seed, one))
        fold_of |= {one: index % folds + 1 for index, one in enumerate(dealt, len(fold_of))}
    tested = [fold_of[unit[alike_id(example)]] == number for example in examples]
    others = [example for example, is_test in zip(examples, tested, strict=True) if not is_test]
    train, validation, _ = fractions
    scale = train + validation
    placed = iter(_ranked(others, (train / scale, validation / scale, 0.0), seed))
    done = [
        replace(example, split="test") if is_test else next(placed)
        for example, is_test in zip(examples, tested, strict=True)
    ]
    if not any(tested):
        raise UsageError(f"--config.data.folds={folds}: too many for {_counted(examples)}: fold {number} is empty")
    _check(done, fractions, SPLITS[:2])
    return done


def without_photographs(examples: Sequence[Example], classes: Sequence[str], part: str) -> list[str]:
    """The classes without a photograph in `part`; empty for an empty part, which has no figures."""
    there = {example.label for example in examples if example.split == part}
    return [name for label, name in enumerate(classes) if there and label not in there]


def _check(done: Sequence[Example], fractions: Sequence[float], wanted: Sequence[str]) -> None:
    counts = Counter(example.split for example in done)
    if empty := [split for split in wanted if not counts[split]]:
        raise UsageError(
            f"no photograph is left for {empty[0]}: {_counted(done)} are too few for "
            f"--config.data.split={','.join(map(str, fractions))}"
        )


def _counted(examples: Sequence[Example]) -> str:
    number, different = len(examples), len({alike_id(example) for example in examples})
    if any(example.group for example in examples):
        return f"{number} photographs (groups, which stay whole: {len(set(units(examples).values()))})"
    told_apart = f"{different} that do not look alike; --config.data.group_similar=False tells them apart"
    alike = f" ({told_apart})" if different < number else ""
    return f"{number} photographs{alike}"


def _ranked(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> list[Example]:
    unit, chosen = units(examples), dict[str, str]()
    for label in sorted({example.label for example in examples}):
        files = Counter(unit[alike_id(example)] for example in examples if example.label == label)
        room = _part_sizes(files.total(), fractions)
        new = sorted(files.keys() - chosen.keys(), key=lambda one: _rank(seed, one))
        for one in files.keys() & chosen.keys():  # already in a part, with a copy in an earlier class
            if chosen[one] in room:
                room[chosen[one]] -= files[one]
        for one in new:
            chosen[one] = next((split for split in ("test", "validation") if room[split] >= files[one]), "train")
            if chosen[one] in room:
                room[chosen[one]] -= files[one]
        for split in ("validation", "test"):  # no unit is small enough: one too large is better than none
            trained = sorted((one for one in new if chosen[one] == "train"), key=lambda one: files[one])
            if room[split] > 0 and len(trained) > 1 and split not in {chosen[one] for one in files}:
                chosen[trained[0]] = split
    return [replace(example, split=chosen[unit[alike_id(example)]]) for example in examples]


def _part_sizes(total: int, fractions: Sequence[float]) -> dict[str, int]:
    """The number of files of a class for validation and test."""
    room = {split: _part_size(total, fraction) for split, fraction in zip(SPLITS[1:], fractions[1:], strict=True)}
    while fractions[0] and sum(room.values()) >= total:  # train gets at least one
        room[max(room, key=lambda split: room[split])] -= 1
    return room


def _part_size(total: int, fraction: float) -> int:
    """Files of a class for one part: rounded, at least one if the class has three or more and the fraction is not 0."""
    if not fraction or total < 3:
        return 0
    return max(1, round(total * fraction))


def _rank(seed: int, sha256: str) -> str:
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()
