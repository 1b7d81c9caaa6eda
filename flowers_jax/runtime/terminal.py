"""Text of other programs and files, on a terminal."""

import contextlib
import logging
import threading
from collections.abc import Iterator

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
