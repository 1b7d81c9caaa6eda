"""Text from elsewhere, on a terminal."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def absl_level(level: int) -> Iterator[None]:
    """What TFDS and orbax say through absl's logger is heard from this level on; its own level is given back."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def shown(text: str) -> str:
    r"""`text` on one line, with a name's line breaks, escape sequences and other control characters as `\n`, `\x1b`."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
