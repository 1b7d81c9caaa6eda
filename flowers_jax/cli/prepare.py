"""Write photographs, their classes and parts into one file, from which training needs no folder and no TensorFlow.

    python scripts/prepare.py FOLDER --out=FILE.npz [--image_size=224] [--split=0.8,0.1,0.1] [--seed=0]
    python scripts/train.py FILE.npz

Each photograph is a JPEG whose shorter side has --image_size pixels. The parts are those that train.py makes of FOLDER
with --config.data.seed equal to --seed. The file is written completely or not at all.
"""

import argparse
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flowers_jax.cli.flags import fractions, parser
from flowers_jax.config_types import MOST_SIDE, Config, Data, is_pattern
from flowers_jax.data import memory, prepared_file, sources, split
from flowers_jax.data.checks.groups import by_pattern, check_parts
from flowers_jax.data.checks.review import check_trainable, review
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument("folder", metavar="FOLDER",
                       help="class folders, or train/validation/test of them; or FILE.csv, tf_flowers, "
                       "tfds:NAME")  # fmt: skip
    flags.add_argument("--out", required=True, metavar="FILE", help="a new file *.npz")
    flags.add_argument("--image_size", type=int, default=224, metavar="N",
                       help="pixels of the shorter side of each photograph; a smaller one keeps its size")  # fmt: skip
    flags.add_argument("--split", metavar="A,B,C", help="train, validation and test fractions (0.8,0.1,0.1)")
    flags.add_argument("--seed", type=int, help="another seed gives another division (0)")
    flags.add_argument("--group-pattern", default="", metavar="REGEX",
                       help="as --config.data.group_pattern: a group is never in two parts")  # fmt: skip
    flags.add_argument("--one-scene", action="store_true",
                       help="photographs may look alike (--config.data.group_similar=False)")  # fmt: skip
    flags.add_argument("--follow-links", action="store_true", help="read links that lead out of the folder")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    out = Path(os.path.expanduser(args.out))
    _check(args, out)
    given = fractions(args.split) if args.split is not None else None
    data = Data(group_similar=not args.one_scene, follow_links=args.follow_links)
    found = sources.load_named(Config(data=data), args.folder, args.folder)
    try:
        dataset = review(by_pattern(found, args.group_pattern) if args.group_pattern else found)
        check_trainable(dataset)
        check_parts(dataset)
        _check_undivided(dataset, args)
        parts = given or dataset.fractions or data.split
        dataset = replace(dataset, examples=tuple(split.assign(dataset.examples, parts, args.seed or 0)))
    except UsageError as error:
        raise UsageError(f"{args.folder}: {_in_own_flags(str(error))}") from error
    prepared_file.write(out, dataset, args.image_size, data.max_pixels)
    for skipped in dataset.skipped:
        print(f"skipped {skipped}")
    for name, count in Counter(example.split for example in dataset.examples).items():
        print(f"{count:>8}  {name}")
    print(f"{memory.shown(out.stat().st_size)}  {out}")


def _check(args: argparse.Namespace, out: Path) -> None:
    """Refuse what can be refused before photographs are read."""
    if out.suffix.lower() != prepared_file.SUFFIX:
        raise UsageError(f"--out={args.out}: must end in {prepared_file.SUFFIX}, as in --out=flowers.npz")
    if os.path.lexists(out):
        raise UsageError(f"--out={args.out}: exists already; give a new file")
    if not 4 <= args.image_size <= MOST_SIDE:
        raise UsageError(f"--image_size={args.image_size}: must be at least 4 and at most {MOST_SIDE}")
    if not is_pattern(args.group_pattern):
        raise UsageError(f"--group-pattern={args.group_pattern}: must be a regular expression of Python")


def _check_undivided(dataset: Dataset, args: argparse.Namespace) -> None:
    """Refuse flags of the division for photographs that have a division."""
    if any(example.split == "validation" for example in dataset.examples):
        for flag, value in (("split", args.split), ("seed", args.seed)):
            if value is not None:
                why = "changes nothing of photographs with a validation part of their own; leave it out"
                raise UsageError(f"--{flag}={value}: {why}")


def _in_own_flags(message: str) -> str:
    """A message about the keys of training, with the flags of this command."""
    for key, flag in (("data.split", "split"), ("data.group_pattern", "group-pattern")):
        message = message.replace(f"--config.{key}=", f"--{flag}=")
    return message.replace("--config.data.group_similar=False", "--one-scene")
