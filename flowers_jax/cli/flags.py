"""The flags of a command, and the flags for the keys of a config."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError, nearest

DEFAULT_CONFIG = "mobilenet"
OF_FLAGS = "; --help lists the flags"


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in a flag in one line, like every other mistake."""

    def error(self, message: str) -> NoReturn:
        _, unknown, given = message.partition("unrecognized arguments: --")
        raise UsageError(f"{message}{self._meant(given.split()[0]) if unknown else OF_FLAGS}")

    def _meant(self, given: str) -> str:
        """The end of the message about an unknown flag: the nearest one, or a key of a config without `--config.`."""
        name, equals, value = given.partition("=")
        keys = []
        if "--config" in self._option_string_actions:
            from flowers_jax.config import KEYS  # loads JAX, and has been loaded with the flag

            keys = [f"config.{key}" for key in KEYS]
        if f"config.{name.replace('-', '_')}" in keys:
            name = f"config.{name.replace('-', '_')}"
        flags = [flag.removeprefix("--") for flag in self._option_string_actions if flag.startswith("--")]
        found = nearest(name, (*flags, *keys), "--")
        return found.replace("?", f"{equals}{value}?") if found else OF_FLAGS


def parser(description: str | None) -> argparse.ArgumentParser:
    return _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)


def config_parser(description: str | None, *, takes_folder: bool = False) -> argparse.ArgumentParser:
    """A parser with `--config`, for `parse_config`; its help ends with the keys of a config.

    Args:
        takes_folder: also `FOLDER`, which is `--config.data.dir=FOLDER`, or `--config.data.csv` if it is a table, or
            `--config.data.array` if it is a prepared file; and without --config `DEFAULT_CONFIG`.
    """
    from flowers_jax import config as config_lib  # loads JAX, which must load only after the restart of the program

    flags = parser(description)
    shown = [
        f"  --config.{name}={config_lib.text_of(key.default)}\n      {key.help}"
        for name, key in config_lib.described().items()
    ]
    flags.epilog = "keys of a config, with the base config's defaults:\n" + "\n".join(shown)
    names = ", ".join(config_lib.ready_made())
    if takes_folder:
        flags.add_argument("folder", nargs="?", metavar="FOLDER",
                           help="class folders (--config.data.dir), a .csv file (--config.data.csv) or an .npz of "
                                "prepare.py (--config.data.array); "
                                f"with it --config is {DEFAULT_CONFIG} by default")  # fmt: skip
    flags.add_argument("--config", required=not takes_folder, metavar="NAME",
                       help=f"one of {names}, or a Python file with get_config()")  # fmt: skip
    return flags


def add_quiet(flags: argparse.ArgumentParser) -> None:
    """The flag for `runtime.progress.quiet`."""
    flags.add_argument("--quiet", action="store_true",
                       help="print the run directory, a line an epoch and the result; no bars, no colours")  # fmt: skip


def add_trained_model(flags: argparse.ArgumentParser, *, or_artifact: bool = False) -> None:
    """The flags for a trained model: the arguments of `evaluation.trained_model.load`.

    Args:
        or_artifact: also `--artifact`; one of `--run` and `--artifact` is given.
    """
    from flowers_jax.runtime.precision import PRECISIONS  # loads JAX, as `config_parser` does

    add_run(flags, or_artifact=or_artifact)
    flags.add_argument("--precision", choices=PRECISIONS, default="auto",
                       help="of the activations; auto: bfloat16 on GPU and TPU, float32 on a CPU")  # fmt: skip


def add_run(flags: argparse.ArgumentParser, *, or_artifact: bool = False) -> None:
    """The flags for a run and for its code, as `add_trained_model`."""
    which = flags.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", metavar="DIR", help="a run directory that train.py wrote")
    if or_artifact:
        which.add_argument("--artifact", metavar="FILE", help="a file or folder that export.py wrote")
    flags.add_argument("--code", action="append", default=[], metavar="MODULE:NAME",
                       help="code of the run outside the package, which may run: its model, for evaluation also its "
                       "loss and metrics; also FILE.py:NAME; may be given several times")  # fmt: skip


def fractions(text: str) -> tuple[float, ...]:
    """The fractions of `--split=0.8,0.1,0.1`: train, validation, test.

    Raises:
        UsageError: they are not three that sum to 1.
    """
    from flowers_jax.config import KEYS  # loads JAX, as `config_parser` does

    rule = KEYS["data.split"].rule
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not rule.holds(found):
        raise UsageError(f"--split={text}: must be {rule.words}, as in --split=0.8,0.1,0.1")
    return found


def parse_config(flags: argparse.ArgumentParser, argv: Sequence[str]) -> tuple[Config, argparse.Namespace]:
    """`--config=NAME [--config.key=value ...]` as a checked config, and the command's own flags.

    The flags include `config` and `overrides`, (key, text) pairs, as `config.load` takes them.

    Args:
        flags: of `config_parser`.
    """
    from flowers_jax import config as config_lib
    from flowers_jax.metrics import check_monitors

    plain, overrides = _take_overrides(argv)
    args = flags.parse_args(plain)
    if folder := getattr(args, "folder", None):
        from flowers_jax.data.sources import FILES, key_of_file

        for key in FILES:
            if other := dict(overrides).get(f"data.{key}"):
                raise UsageError(f"{folder}: --config.data.{key}={other} is given too; leave one of them out")
        overrides.append((f"data.{key_of_file(folder)}", folder))
    elif args.config is None:
        raise UsageError("give a FOLDER of class folders, or --config=NAME; --help lists the flags")
    args.config, args.overrides = args.config or DEFAULT_CONFIG, overrides
    config = config_lib.load(args.config, overrides)
    check_monitors(config)
    return config, args


def _take_overrides(argv: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Separate `--config.key=value` and `--config.key value` from the other arguments."""
    plain, overrides = [], []
    rest = iter(argv)
    for argument in rest:
        if not argument.startswith("--config."):
            plain.append(argument)
            continue
        key, equals, value = argument.removeprefix("--config.").partition("=")
        if not equals:
            value = next(rest, None)
        if value is None:
            raise UsageError(f"{argument}: a value is missing, as in {argument}=VALUE")
        overrides.append((key, value))
    return plain, overrides


def default_workdir(config_file: str, stamp: str) -> str:
    """`runs/NAME-YYYYmmdd-HHMMSS`, with a number appended if that exists already."""
    base = Path("runs") / f"{Path(config_file).stem}-{stamp}"
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return str(candidate)
