"""Text on a terminal: that of other programs and files, and tables."""

import contextlib
import logging
import threading
import unicodedata
from collections.abc import Iterator, Sequence

_lock = threading.RLock()


@contextlib.contextmanager
def absl_level(level: int) -> Iterator[None]:
    """Within this context absl's logger, which TFDS and orbax use, prints only from this level on.

    absl also gives a root logger without handlers one, at any message; it is taken away again. One thread at a time is
    in this context, because both are those of the process.
    """
    logger, root = logging.getLogger("absl"), logging.getLogger()
    with _lock:
        before, handlers = logger.level, root.handlers[:]
        logger.setLevel(level)
        try:
            yield
        finally:
            logger.setLevel(before)
            root.handlers[:] = handlers


def shown(text: str) -> str:
    r"""`text` on one line: line breaks, escape sequences and other control characters are written as `\n`, `\x1b`."""

    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def aligned(rows: Sequence[Sequence[str]], sides: str = "<") -> list[str]:
    """The rows of a table as lines.

    Args:
        sides: for each column `<` or `>`, left or right; `>` for those after the last.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_padded, row, widths, sides.ljust(len(row), ">"))).rstrip() for row in rows]


def _padded(text: str, width: int, side: str) -> str:
    spaces = " " * (width - _width(text))
    return text + spaces if side == "<" else spaces + text


def _width(text: str) -> int:
    """Columns of a terminal: a Chinese letter takes two, an accent of its own none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
