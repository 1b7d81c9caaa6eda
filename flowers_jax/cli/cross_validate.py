"""Train and test on every fold in turn, so that each photograph is predicted by a model that did not see it.

    python scripts/cross_validate.py --config=configs/NAME.py --folds=5 [--workdir=DIR] [--config.key=value ...]

Each fold is a run directory below DIR. The same command again resumes.
"""

import argparse
import time
from collections.abc import Sequence

from flowers_jax.cli.flags import add_quiet, config_parser, default_workdir, parse_config
from flowers_jax.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    flags = config_parser(__doc__, takes_folder=True)
    flags.add_argument("--folds", type=int, default=5, help="how many (default: 5)")
    flags.add_argument("--workdir", metavar="DIR", help="(default: a new runs/NAME-DATE-TIME)")
    add_quiet(flags)
    return flags


def main(argv: Sequence[str]) -> None:
    config, args = parse_config(make_parser(), argv)
    if not 2 <= args.folds <= 100:
        raise UsageError(f"--folds={args.folds}: must be from 2 to 100")
    from flowers_jax.runtime import compilation, progress
    from flowers_jax.studies.cross_validate import cross_validate

    compilation.keep_programs()
    workdir = args.workdir or default_workdir(args.config, time.strftime("%Y%m%d-%H%M%S"))
    with progress.quiet(args.quiet):
        result = cross_validate(config, workdir, args.folds)
    print(
        f"accuracy {result['mean']:.1%}, sd {result['sd']:.1%} over {args.folds} folds "
        f"({', '.join(f'{accuracy:.1%}' for accuracy in result['accuracies'])}); "
        f"{result['pooled']:.1%} of {result['examples']} photographs; see {workdir}"
    )
