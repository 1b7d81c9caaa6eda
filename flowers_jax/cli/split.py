"""Divide a folder of class folders into train/, validation/ and test/, by content: copies stay in one part.

    python scripts/split.py FOLDER --out=DIR [--split=0.8,0.1,0.1] [--seed=0] [--mode=copy]

Everything is written or nothing. train.py divides FOLDER in the same way with --config.data.seed equal to --seed.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from flowers_jax.cli.flags import fractions, parser
from flowers_jax.data import split
from flowers_jax.data.checks import clean_copy
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument("folder", metavar="FOLDER", help="a folder of class folders")
    flags.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
    flags.add_argument("--split", default="0.8,0.1,0.1", metavar="A,B,C", help="train, validation and test fractions")
    flags.add_argument("--seed", type=int, default=0, help="another seed gives another division")
    flags.add_argument("--mode", choices=clean_copy.MODES, default="copy",
                       help="what is written; symlinks are read with --config.data.follow_links=True")  # fmt: skip
    flags.add_argument("--one-scene", action="store_true",
                       help="photographs may look alike (--config.data.group_similar=False)")  # fmt: skip
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    parts, flag = fractions(args.split), f"--out={args.out}"
    clean_copy.check_target(args.folder, args.out, flag)
    dataset = load_folder(args.folder, group_similar=not args.one_scene)
    if dataset.examples[0].split:
        raise UsageError(f"{args.folder}: is divided into train/, validation/ or test/ already")
    examples = split.assign(dataset.examples, parts, args.seed)
    names = {example.path: f"{example.split}/{example.path}" for example in examples}
    clean_copy.write(args.folder, args.out, flag, names, args.mode)
    for skipped in dataset.skipped:
        print(f"skipped {skipped}")
    for name, count in Counter(example.split for example in examples).items():
        print(f"{count:>8}  {Path(args.out).absolute() / name}")
