"""Progress on a terminal: a bar for each phase of work, with rate and time left. Only this module imports rich.

Bars and colours are for a terminal. There are none in a file or a pipe, under `NO_COLOR` (https://no-color.org), with
`TERM=dumb`, and within `quiet`. Bars stand on standard output, below all lines that are printed meanwhile; those of a
program whose output is data, on standard error.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Generator, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.style import Style
from rich.text import Text

from flowers_jax.runtime.terminal import shown

T = TypeVar("T")

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextlib.contextmanager
def quiet(wanted: bool = True) -> Iterator[None]:
    """Within this context there are no bars, no colours, and only the lines that a log needs."""
    token = _quiet.set(wanted)
    try:
        yield
    finally:
        _quiet.reset(token)


@contextlib.contextmanager
def silent(wanted: bool) -> Iterator[None]:
    """Within this context nothing is printed on standard output: of several processes the first one prints."""
    if not wanted:
        yield
        return
    with quiet(), Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def is_quiet() -> bool:
    return _quiet.get()


def is_live(stream: str = "stdout") -> bool:
    """Whether `sys.stdout` or `sys.stderr` shows bars and colours."""
    plain = _quiet.get() or os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    file = getattr(sys, stream)
    return not plain and file is not None and file.isatty()


def styled(text: str, style: str) -> str:
    """`text` in a style of rich, as `bold red`, where output is live."""
    return Style.parse(style).render(text) if is_live() else text


def track(
    rows: Iterable[T], description: str, total: int | None = None, unit: str = "img", stream: str = "stdout"
) -> Generator[T, None, None]:
    """The rows, with a bar that counts them."""
    with Bar(description, total, unit=unit, stream=stream) as bar:
        for row in rows:
            yield row
            bar.advance()


class Bar:
    """A bar, until it is closed. Several may be open, in several threads too: they stand below each other.

    Args:
        total: of what `unit` names; None if nobody knows. `B` are bytes.
        done: how much of it was done before.
        stream: `stdout` or `stderr`.
    """

    def __init__(
        self, description: str, total: int | None, *, unit: str = "img", done: int = 0, stream: str = "stdout"
    ):
        self._display = _displays[stream]
        self._task = self._display.open(shown(description), total, unit, done) if is_live(stream) else None

    def advance(self, amount: int = 1) -> None:
        if self._task is not None:
            self._display.progress.advance(self._task, amount)

    def describe(self, description: str, text: str) -> None:
        """Another description, and text behind the bar."""
        if self._task is not None:
            self._display.progress.update(self._task, description=shown(description), text=shown(text))

    def close(self) -> None:
        if self._task is not None:
            self._task = self._display.close(self._task)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Rate(ProgressColumn):
    """As `26 img/s`, or `4.2 MB/s`."""

    def render(self, task: Task) -> Text:
        speed, unit = task.speed or 0.0, task.fields["unit"]
        rate = decimal(int(speed)) if unit == "B" else f"{speed:,.0f} {unit}"
        return Text(f"{rate}/s" if speed else "", no_wrap=True)


class _Terminal:
    """A stream; what a terminal does not take that has gone is lost, and the work goes on."""

    def __init__(self, file: Any):
        self._file = file

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Console(Console):
    def show_cursor(self, show: bool = True) -> bool:
        """The cursor stays as it is: a process that is killed would leave it hidden."""
        del show
        return False


class _Display:
    """What all open bars of a stream share: rich draws them together, and meanwhile `print` writes above them."""

    def __init__(self, stream: str) -> None:
        self._stream, self._lock, self._open = stream, threading.RLock(), 0
        self.progress: Progress

    def open(self, description: str, total: int | None, unit: str, done: int) -> TaskID:
        with self._lock:
            if not self._open:
                self.progress = _progress(getattr(sys, self._stream))
                self.progress.start()
            self._open += 1
            return self.progress.add_task(description, total=total, completed=done, unit=unit, text="")

    def close(self, task: TaskID) -> None:
        with self._lock:
            self._open -= 1
            self.progress.remove_task(task)
            if not self._open:
                self.progress.stop()


_displays = {stream: _Display(stream) for stream in ("stdout", "stderr")}


def _progress(file: Any) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f}%"),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=_Console(file=_Terminal(file), soft_wrap=True),  # type: ignore[arg-type]
        refresh_per_second=5,
        transient=True,
        redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),  # a file of errors stays one
    )
