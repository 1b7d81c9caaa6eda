"""The memory of decoded photographs, computed before any of them is decoded."""

import psutil

from flowers_jax.data import shared
from flowers_jax.errors import UsageError


def decoded_size(photographs: int, side: int) -> int:
    """Bytes of this number of photographs, uint8 [N, side, side, 3]."""
    return photographs * side * side * 3


def check(size: int, flag: str, instead: str) -> None:
    """Refuse to decode more than the memory holds, because Linux would kill the process while it decodes.

    Args:
        size: bytes of decoded photographs in memory at the same time.
        flag: the flag that determines the size; the message begins with it.
        instead: what the user can give instead.

    Raises:
        UsageError: `size` is larger than the available memory.
    """
    available = psutil.virtual_memory().available + shared.kept_size()
    if size > available:
        raise UsageError(
            f"{flag}: the decoded photographs take {shown(size)} of memory, of which {shown(available)} are free; "
            f"give {instead}"
        )


def shown(size: int) -> str:
    """A number of bytes as text."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
