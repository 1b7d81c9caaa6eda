"""Text of other programs and files, on a terminal."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def absl_level(level: int) -> Iterator[None]:
    """Within this context absl's logger, which TFDS and orbax use, prints only from this level on."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def shown(text: str) -> str:
    r"""`text` on one line: line breaks, escape sequences and other control characters are written as `\n`, `\x1b`."""

    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
