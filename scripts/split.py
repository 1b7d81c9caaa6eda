"""Divide a folder of class folders into train/, validation/ and test/, by content: copies keep to one side.

    python scripts/split.py FOLDER --out=DIR [--split=0.8,0.1,0.1] [--seed=0] [--mode=copy]

All is written or nothing. The division is the one that train.py would make of FOLDER with the same seed.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from flowers_jax import cli
from flowers_jax.config_rules import RULES
from flowers_jax.data import split
from flowers_jax.data.dataset import Example
from flowers_jax.data.folder import load_folder
from flowers_jax.errors import UsageError

MODES: dict[str, Callable] = {"copy": shutil.copy2, "hardlink": os.link, "symlink": os.symlink}


def main(argv: Sequence[str]) -> None:
    flags = cli.parser(__doc__)
    flags.add_argument("folder", metavar="FOLDER", help="a folder of class folders")
    flags.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
    flags.add_argument("--split", default="0.8,0.1,0.1", metavar="A,B,C", help="train, validation and test fractions")
    flags.add_argument("--seed", type=int, default=0, help="another seed divides otherwise")
    flags.add_argument("--mode", choices=MODES, default="copy",
                       help="what is written; symlinks are read with --config.data.follow_links=True")  # fmt: skip
    args = flags.parse_args(argv)
    fractions, out = _fractions(args.split), Path(args.out).absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out={args.out}: exists already and is not an empty folder")
    source = Path(args.folder).resolve()
    if out.resolve().is_relative_to(source):
        raise UsageError(f"--out={args.out}: lies in {args.folder}, where it would be taken for a class")
    dataset = load_folder(args.folder)
    if dataset.examples[0].split:
        raise UsageError(f"{args.folder}: is divided into train/, validation/ or test/ already")
    examples = split.assign(dataset.examples, fractions, args.seed)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-")
    except OSError as error:
        raise UsageError(f"--out={args.out}: cannot be written ({error.strerror or error})") from error
    with partial as folder:
        _write(source, Path(folder) / "parts", examples, MODES[args.mode])
        (Path(folder) / "parts").rename(out)
    for skipped in dataset.skipped:
        print(f"skipped {skipped.path}: {skipped.reason}")
    for name, count in Counter(example.split for example in examples).items():
        print(f"{count:>8}  {out / name}")


def _fractions(text: str) -> tuple[float, ...]:
    rule = RULES["data.split"]
    try:
        fractions = tuple(float(part) for part in text.split(","))
    except ValueError:
        fractions = ()
    if not rule.holds(fractions):
        raise UsageError(f"--split={text}: must be {rule.words}, as in --split=0.8,0.1,0.1")
    return fractions


def _write(source: Path, target: Path, examples: Sequence[Example], place: Callable) -> None:
    for example in examples:
        file = target / example.split / example.path
        file.parent.mkdir(parents=True, exist_ok=True)
        place((source / example.path).resolve(), file)


if __name__ == "__main__":
    cli.run(main)
