"""Runs every program: exit statuses have the same meaning everywhere, and warnings are printed.

Only light modules are imported here, because a program that restarts for huge pages imports them twice.
"""

import contextlib
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from flowers_jax.errors import DamageWarning, Interrupted, TrainingError, UsageError
from flowers_jax.runtime import host_memory
from flowers_jax.runtime.terminal import shown


class Command(NamedTuple):
    """How the program of a command runs.

    Attributes:
        huge_pages: it trains or predicts, so `host_memory.ask_for_huge_pages` restarts it.
        prints_results: see `run`.
    """

    huge_pages: bool = False
    prints_results: bool = False


COMMANDS = {
    "train": Command(huge_pages=True),
    "evaluate": Command(huge_pages=True, prints_results=True),
    "predict": Command(huge_pages=True, prints_results=True),
    "cross_validate": Command(huge_pages=True),
    "check": Command(prints_results=True),
    "split": Command(),
    "summary": Command(prints_results=True),
    "augment": Command(),
    "lessons": Command(prints_results=True),
}
"""Each command is `main(argv)` of the module with its name; `--help` prints the docstring of the module."""


def run_command(name: str) -> None:
    """Run one of `COMMANDS` with this process's arguments, and exit as `run` does."""
    command = COMMANDS[name]
    if command.huge_pages:
        host_memory.ask_for_huge_pages()
    run(
        lambda argv: importlib.import_module(f"flowers_jax.cli.{name}").main(argv),
        prints_results=command.prints_results,
    )


def run(main: Callable[[Sequence[str]], int | None], *, prints_results: bool = False) -> None:
    """Run `main(argv)` and exit with 0 (done), 2 (caller's mistake), 1 (failure), 130 or 143 (signal).

    An expected failure is one line on stderr; only a bug of the project shows a traceback.

    Args:
        prints_results: the program prints its result, so a reader that closes the pipe (`| head`) is no failure.
    """
    warnings.showwarning = _show_warning
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # file names that are not UTF-8 keep their bytes
    try:
        status = main(sys.argv[1:]) or 0
        sys.stdout.flush()
    except UsageError as error:
        status = _print_error(error, 2)
    except BrokenPipeError as error:
        status = 0 if prints_results else _print_error(error, 1)
    except (TrainingError, OSError) as error:
        status = _print_error(error, 1)
    except Interrupted as error:
        status = 128 + error.signum
        with contextlib.suppress(OSError):  # the same Ctrl-C may have ended the reader
            print(f"\n{error}", file=sys.stderr)
    except KeyboardInterrupt as error:
        status = 128 + (getattr(error, "signum", 0) or signal.SIGINT)
        with contextlib.suppress(OSError):
            print("\ninterrupted", file=sys.stderr)
    try:
        sys.stdout.flush()
    except OSError:  # the reader has closed the pipe; the interpreter would flush again at exit, and fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    """Print warnings of the project in one line, without the line of source that caused them."""
    ours = issubclass(category, DamageWarning)
    text = shown(f"warning: {message}") if ours else warnings.formatwarning(message, category, filename, lineno)
    print(text, file=sys.stderr)


def _print_error(error: Exception, status: int) -> int:
    with contextlib.suppress(OSError):
        print(shown("error: " + " ".join(str(error).split())), file=sys.stderr)
    return status
