"""Train a classifier on photographs and measure its accuracy.

    python scripts/train.py FOLDER [--config=NAME] [--workdir=DIR] [--config.key=value ...]

FOLDER contains a folder of photographs for each class. With --config=NAME and without FOLDER the flowers of the course
are downloaded. The same --workdir again resumes an unfinished run.
"""

import argparse
import time
from collections.abc import Sequence

from flowers_jax.cli.flags import add_quiet, config_parser, default_workdir, parse_config


def make_parser() -> argparse.ArgumentParser:
    flags = config_parser(__doc__, takes_folder=True)
    flags.add_argument("--workdir", metavar="DIR", help="run directory; an unfinished one is resumed "
                       "(default: a new runs/NAME-DATE-TIME)")  # fmt: skip
    add_quiet(flags)
    return flags


def main(argv: Sequence[str]) -> None:
    config, args = parse_config(make_parser(), argv)
    # which takes a second; imported after the flags, so a mistake in them is fast
    from flowers_jax.report.fit import fit
    from flowers_jax.runtime import compilation, progress

    compilation.keep_programs()
    with progress.quiet(args.quiet):
        fit(config, args.workdir or default_workdir(args.config, time.strftime("%Y%m%d-%H%M%S")))
