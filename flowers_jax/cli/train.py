"""Train a classifier on photographs and measure its accuracy.

    python scripts/train.py FOLDER [--config=NAME] [--workdir=DIR] [--config.key=value ...]

FOLDER contains a folder of photographs for each class. With --config=NAME and without FOLDER the flowers of the course
are downloaded. The same --workdir again resumes an unfinished run. Several processes train together if each is started
with the same command and --distributed, or with --coordinator, --processes and its own --process.
"""

import argparse
import time
import traceback
from collections.abc import Callable, Sequence

from flowers_jax.cli.flags import add_quiet, config_parser, default_workdir, parse_config
from flowers_jax.cli.program import status_of
from flowers_jax.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    flags = config_parser(__doc__, takes_folder=True)
    flags.add_argument("--workdir", metavar="DIR", help="run directory; an unfinished one is resumed "
                       "(default: a new runs/NAME-DATE-TIME)")  # fmt: skip
    add_quiet(flags)
    several = flags.add_argument_group("several processes, which share the disk of --workdir")
    several.add_argument("--distributed", action="store_true",
                         help="with the processes that SLURM, Open MPI, Kubernetes or a TPU pod started")  # fmt: skip
    several.add_argument("--coordinator", metavar="HOST:PORT", help="the address of process 0; any free port of it")
    several.add_argument("--processes", type=int, metavar="N", help="how many there are")
    several.add_argument("--process", type=int, metavar="I", help="the number of this one, from 0")
    several.add_argument("--heartbeat", type=int, metavar="SECONDS",
                         help="a process without a sign of life is dead after so long (default: 100)")  # fmt: skip
    return flags


def main(argv: Sequence[str]) -> None:
    config, args = parse_config(make_parser(), argv)
    _check(args)
    # which takes a second; imported after the flags, so a mistake in them is fast
    from flowers_jax.report.fit import fit
    from flowers_jax.runtime import compilation, processes, progress

    compilation.keep_programs()

    def train(workdir: str) -> None:
        with progress.quiet(args.quiet):
            fit(config, workdir)

    workdir = args.workdir or default_workdir(args.config, time.strftime("%Y%m%d-%H%M%S"))
    if not args.distributed:
        train(workdir)
        return
    processes.join(args.coordinator, args.processes, args.process, args.heartbeat)
    _together(train, workdir)


def _check(args: argparse.Namespace) -> None:
    """Check the flags of several processes; any of them means `--distributed`."""
    count, number, coordinator = args.processes, args.process, args.coordinator
    if count is not None and count < 1:
        raise UsageError(f"--processes={count}: must be at least 1")
    if number is not None and not 0 <= number < (count or number + 1):
        raise UsageError(f"--process={number}: must be at least 0, and below --processes={count}")
    if coordinator is not None and not coordinator.rpartition(":")[2].isdecimal():
        raise UsageError(f"--coordinator={coordinator}: must be HOST:PORT")
    args.distributed |= (count, number, coordinator) != (None, None, None)
    if args.heartbeat is not None and (args.heartbeat < 1 or not args.distributed):
        raise UsageError(f"--heartbeat={args.heartbeat}: must be at least 1, beside --distributed or --coordinator")


def _together(train: Callable[[str], None], workdir: str) -> None:
    """Train with the other processes, and leave so that none of them waits for this one."""
    from flowers_jax.runtime import processes

    try:
        workdir = processes.of_first(workdir)
        processes.say_instead_of_abort(workdir)
        status = status_of(lambda _: train(workdir))
    except BaseException:  # a bug: JAX's shutdown would wait for the others, which wait for this process
        traceback.print_exc()
        status = 1
    if status:
        processes.leave(status)
