"""List the problems of a folder of photographs, and why training refuses it; exit status 0 without problems, else 3.

    python scripts/check.py FOLDER [--fix=DIR] [--json]

FOLDER is only read. --fix writes a clean copy, completely or not at all: the usable photographs under their names, with
the suffix of their format (a PNG with the suffix .jpg gets .png).
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence

from flowers_jax.cli.flags import parser
from flowers_jax.config_types import Config, Data
from flowers_jax.data import sources, split
from flowers_jax.data.checks import clean_copy
from flowers_jax.data.checks.groups import check_parts
from flowers_jax.data.checks.review import review, untrained
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.data.decode import MAX_PIXELS
from flowers_jax.errors import UsageError
from flowers_jax.runtime.terminal import shown

PROBLEMS = 3


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument("folder", metavar="FOLDER", help="class folders, or train/validation/test of them; or FILE.csv")
    flags.add_argument("--fix", metavar="DIR", help="a new or empty folder for a clean copy")
    flags.add_argument("--json", action="store_true", help="print JSON")
    flags.add_argument("--max-pixels", type=int, default=MAX_PIXELS, help="a larger photograph is a problem")
    flags.add_argument("--follow-links", action="store_true", help="read links that lead out of the folder")
    flags.add_argument("--one-scene", action="store_true",
                       help="photographs may look alike (--config.data.group_similar=False)")  # fmt: skip
    return flags


def main(argv: Sequence[str]) -> int:
    args = make_parser().parse_args(argv)
    if args.max_pixels < 1:
        raise UsageError(f"--max-pixels={args.max_pixels}: must be at least 1")
    if args.fix is not None:
        clean_copy.check_target(args.folder, args.fix, f"--fix={args.fix}")
    data = Data(max_pixels=args.max_pixels, follow_links=args.follow_links, group_similar=not args.one_scene)
    dataset = review(sources.load_named(Config(data=data), args.folder, args.folder))
    if args.fix is not None and not os.path.isdir(args.folder):
        raise UsageError(f"--fix={args.fix}: a clean copy is that of a folder, and {args.folder} is none")
    problems = [*dataset.skipped, *dataset.remarks, *_refusals(dataset)]
    fixed = args.fix if dataset.examples else None
    if fixed is not None:
        clean_copy.write(args.folder, fixed, f"--fix={fixed}", clean_copy.right_names(dataset))
    print(_json(args.folder, dataset, problems, fixed) if args.json else _text(dataset, problems, fixed))
    return PROBLEMS if problems else 0


def _refusals(dataset: Dataset) -> Iterator[Skipped]:
    """The reasons why training would not start with the usable photographs."""
    if not dataset.examples:
        yield Skipped("./", "no usable photograph in class folders")
        return
    if len(dataset.classes) == 1:
        yield Skipped("./", "one class only: a classifier needs two")
    for name in untrained(dataset):
        yield Skipped(f"{name}/", "class of which train/ has no usable photograph")
    try:
        check_parts(dataset)
        split.assign(dataset.examples, Config().data.split, seed=0)
    except UsageError as error:
        yield Skipped("./", str(error))


def _json(folder: str, dataset: Dataset, problems: Sequence[Skipped], fixed: str | None) -> str:
    report = {
        "folder": folder,
        "photographs": len(dataset.examples),
        "classes": _counts(dataset),
        "problems": [problem._asdict() for problem in problems],
        "fixed": fixed,
    }
    return json.dumps(report, indent=2)


def _text(dataset: Dataset, problems: Sequence[Skipped], fixed: str | None) -> str:
    counts = _counts(dataset)
    lines = [
        *map(str, problems),
        f"{len(dataset.examples)} usable photographs of {len(counts)} classes, {len(problems)} problems",
        *(f"{count:>8}  {shown(name)}" for name, count in sorted(counts.items())),
    ]
    return "\n".join(lines if fixed is None else [*lines, f"a clean copy is in {fixed}"])


def _counts(dataset: Dataset) -> Counter[str]:
    return Counter(dataset.classes[example.label] for example in dataset.examples)
