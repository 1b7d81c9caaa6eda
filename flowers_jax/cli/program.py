"""Runs every program: exit statuses have the same meaning everywhere, and warnings are printed.

Only light modules are imported here, because a program that restarts for huge pages imports them twice.
"""

import ast
import contextlib
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import flowers_jax
from flowers_jax.errors import DamageWarning, Interrupted, ReportWarning, TrainingError, UsageError, nearest
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
    "report": Command(huge_pages=True),
    "export": Command(huge_pages=True),
    "demo": Command(),
    "cross_validate": Command(huge_pages=True),
    "sweep": Command(huge_pages=True),
    "compare": Command(prints_results=True),
    "check": Command(prints_results=True),
    "split": Command(),
    "prepare": Command(),
    "summary": Command(prints_results=True),
    "augment": Command(),
    "lessons": Command(prints_results=True),
    "completion": Command(prints_results=True),
}
"""Each command is `main(argv)` of the module with its name, and `make_parser()` has its flags; `--help` prints the
docstring of the module."""


def main() -> None:
    """The installed command: `flowers-jax COMMAND [flags]` runs one of `COMMANDS` and exits as `run` does."""
    given = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if given in ("-h", "--help", "--version"):
        run(lambda _: print(flowers_jax.__version__ if given == "--version" else overview()), prints_results=True)
    name = given.replace("-", "_")
    if name not in COMMANDS:
        run(lambda _: _unknown(given))
    run_command(name, arguments=2)


def run_command(name: str, arguments: int = 1) -> None:
    """Run one of `COMMANDS` with this process's arguments, and exit as `run` does.

    Args:
        arguments: where in `sys.argv` they begin.
    """
    command = COMMANDS[name]
    if command.huge_pages:
        host_memory.ask_for_huge_pages()
    sys.argv[:arguments] = [" ".join([Path(sys.argv[0]).name, *sys.argv[1:arguments]])]  # which --help shows
    run(
        lambda argv: importlib.import_module(f"flowers_jax.cli.{name}").main(argv),
        prints_results=command.prints_results,
    )


def overview() -> str:
    """The commands, each with the first line of its docstring, which is read without importing the module."""
    lines = ["usage: flowers-jax COMMAND [flags]; flowers-jax COMMAND --help shows the flags", ""]
    for name in COMMANDS:
        source = (resources.files("flowers_jax.cli") / f"{name}.py").read_text("utf-8")
        first = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0]
        lines.append(f"  {name.replace('_', '-'):<16}{' '.join(first.split())}")
    return "\n".join(lines)


def _unknown(given: str) -> NoReturn:
    names = [name.replace("_", "-") for name in COMMANDS]
    every = f"give one of {', '.join(names)}"
    raise UsageError(f"flowers-jax {given}: no such command{nearest(given, names, otherwise=every)}")


def run(main: Callable[[Sequence[str]], int | None], *, prints_results: bool = False) -> None:
    """Run `main(argv)` and exit with 0 (done), 2 (caller's mistake), 1 (failure), 130 or 143 (signal).

    An expected failure is one line on stderr; only a bug of the project shows a traceback.

    Args:
        prints_results: the program prints its result, so a reader that closes the pipe (`| head`) is no failure.
    """
    sys.exit(status_of(main, prints_results=prints_results))


def status_of(main: Callable[[Sequence[str]], int | None], *, prints_results: bool = False) -> int:
    """The status that `run` exits with; whatever is to be said is said."""
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
    return status


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    """Print warnings of the project in one line, without the line of source that caused them."""
    ours = issubclass(category, (DamageWarning, ReportWarning))
    text = shown(f"warning: {message}") if ours else warnings.formatwarning(message, category, filename, lineno)
    print(text, file=sys.stderr)


def _print_error(error: Exception, status: int) -> int:
    with contextlib.suppress(OSError):
        print(shown("error: " + " ".join(str(error).split())), file=sys.stderr)
    return status
