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
    counts = Counter(example.split for example in done)
    if empty := [split for split in SPLITS[:2] if not counts[split]]:
        raise UsageError(
            f"no photograph is left for {empty[0]}: {len(done)} photographs are too few for "
            f"--config.data.split={','.join(map(str, fractions))}"
        )
    return done


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
