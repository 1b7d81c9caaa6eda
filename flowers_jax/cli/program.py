"""What every script shares: flags, and exit statuses that mean the same everywhere."""

import argparse
import contextlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from flowers_jax import config as config_lib
from flowers_jax.errors import DamageWarning, Interrupted, TrainingError, UsageError
from flowers_jax.runtime.terminal import shown
from flowers_jax.types import Config


def run(main: Callable[[Sequence[str]], int | None], *, prints_results: bool = False) -> None:
    """Run `main(argv)` and leave with 0 (done), 2 (caller's mistake), 1 (failure), 130 or 143 (signal).

    A failure that the project knows is one line on stderr; only a bug of ours shows a traceback.

    Args:
        prints_results: printing is what the script is for, so a reader that has seen enough (`| head`) ends it well.
    """
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names that are not UTF-8 keep their bytes
    try:
        status = main(sys.argv[1:]) or 0
        sys.stdout.flush()
    except UsageError as error:
        status = _say(error, 2)
    except BrokenPipeError as error:
        status = 0 if prints_results else _say(error, 1)
    except (TrainingError, OSError) as error:
        status = _say(error, 1)
    except Interrupted as error:
        status = 128 + error.signum
        with contextlib.suppress(OSError):  # whoever read may have ended of the same Ctrl-C
            print(f"\n{error}", file=sys.stderr)
    except KeyboardInterrupt as error:
        status = 128 + (getattr(error, "signum", 0) or signal.SIGINT)
        with contextlib.suppress(OSError):
            print("\ninterrupted", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # no one reads; the interpreter would try again, and fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


class _Parser(argparse.ArgumentParser):
    """A mistake in a flag is one line, as every other mistake is."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; --help lists the flags")


def parser(description: str | None) -> argparse.ArgumentParser:
    return _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)


def parse_config(flags: argparse.ArgumentParser, argv: Sequence[str]) -> tuple[Config, argparse.Namespace]:
    """`--config=FILE [--config.key=value ...]` as a validated config, and the script's own flags."""
    keys = [
        f"  --config.{key.name}={_show(key.default)}\n      {key.comment}"
        for key in [*config_lib.describe(), *config_lib.describe_options()]
    ]
    flags.epilog = "keys of a config, with the base config's defaults:\n" + "\n".join(keys)
    flags.add_argument("--config", required=True, metavar="FILE", help="a Python file with get_config(), see configs/")
    plain, overrides = _take_overrides(argv)
    args = flags.parse_args(plain)
    return config_lib.load(args.config, overrides), args


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
    """`runs/NAME-YYYYmmdd-HHMMSS`, with a number behind it where that exists already."""
    base = Path("runs") / f"{Path(config_file).stem}-{stamp}"
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return str(candidate)


def _show(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    """Ours are for those who use the program, and need no line of its source."""
    ours = issubclass(category, DamageWarning)
    text = shown(f"warning: {message}") if ours else warnings.formatwarning(message, category, filename, lineno)
    print(text, file=sys.stderr)


def _say(error: Exception, status: int) -> int:
    with contextlib.suppress(OSError):
        print(shown("error: " + " ".join(str(error).split())), file=sys.stderr)
    return status
