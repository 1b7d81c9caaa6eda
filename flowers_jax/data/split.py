"""Dividing examples into train, validation and test: seeded, stratified, and by content.

Within each class the distinct contents are ranked by a hash of (seed, content); the first go to test, the next to
validation, the rest to train. So a split depends neither on file names nor on their order, adding photographs
moves few of the others, and byte-identical files, in whatever classes, stay on one side.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from flowers_jax.data.dataset import Example
from flowers_jax.errors import UsageError

SPLITS = ("train", "validation", "test")


def assign(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> list[Example]:
    """Each example with its `split`; those of ready-made folders keep theirs.

    Where the folders have a test part and no validation part, validation is taken from train.

    Raises:
        UsageError: train or validation stays empty.
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
    _check(done, fractions)
    return done


def assign_fold(
    examples: Sequence[Example], folds: int, number: int, fractions: Sequence[float], seed: int
) -> list[Example]:
    """Each example with its `split` where fold `number`, from 1, of `folds` is test.

    Every content is in one fold, each class and all together are dealt evenly, and validation is taken from the other
    folds in its proportion to train in `fractions`.

    Raises:
        UsageError: the folder is divided already, or a part stays empty.
    """
    if any(example.split for example in examples):
        raise UsageError(
            "--config.data.folds: the folder is divided into train/, validation/ or test/ already; give one that is not"
        )
    fold_of: dict[str, int] = {}
    for label in sorted({example.label for example in examples}):
        contents = {example.sha256 for example in examples if example.label == label} - fold_of.keys()
        dealt = sorted(contents, key=lambda content: _rank(seed, content))
        fold_of |= {content: index % folds + 1 for index, content in enumerate(dealt, len(fold_of))}
    others = [example for example in examples if fold_of[example.sha256] != number]
    train, validation, _ = fractions
    scale = train + validation
    placed = iter(_ranked(others, (train / scale, validation / scale, 0.0), seed))
    done = [
        replace(example, split="test") if fold_of[example.sha256] == number else next(placed) for example in examples
    ]
    if not any(example.split == "test" for example in done):
        raise UsageError(
            f"--config.data.folds={folds}: too many for {len(examples)} photographs: fold {number} is empty"
        )
    _check(done, fractions)
    return done


def _check(done: Sequence[Example], fractions: Sequence[float]) -> None:
    counts = Counter(example.split for example in done)
    if empty := [split for split in SPLITS[:2] if not counts[split]]:
        raise UsageError(
            f"no photograph is left for {empty[0]}: {len(done)} photographs are too few for "
            f"--config.data.split={','.join(map(str, fractions))}"
        )


def _ranked(examples: Sequence[Example], fractions: Sequence[float], seed: int) -> list[Example]:
    chosen: dict[str, str] = {}
    for label in sorted({example.label for example in examples}):
        files = Counter(example.sha256 for example in examples if example.label == label)
        total = sum(files.values())
        room = {split: _room(total, f) for split, f in zip(SPLITS[1:], fractions[1:], strict=True)}
        while fractions[0] and sum(room.values()) >= total:  # train gets at least one
            room[max(room, key=lambda split: room[split])] -= 1
        for sha256 in files.keys() & chosen.keys():  # already on a side, with a copy in an earlier class
            if chosen[sha256] in room:
                room[chosen[sha256]] -= files[sha256]
        for sha256 in sorted(files.keys() - chosen.keys(), key=lambda content: _rank(seed, content)):
            split = next((s for s in ("test", "validation") if room[s] >= files[sha256]), "train")
            chosen[sha256] = split
            if split in room:
                room[split] -= files[sha256]
    return [replace(example, split=chosen[example.sha256]) for example in examples]


def _room(total: int, fraction: float) -> int:
    """Files of a class for one part: rounded, and at least one of three or more where the part is wanted at all."""
    if not fraction or total < 3:
        return 0
    return max(1, round(total * fraction))


def _rank(seed: int, sha256: str) -> str:
    return hashlib.sha256(f"{seed}:{sha256}".encode()).hexdigest()
