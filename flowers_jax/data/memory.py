"""How much memory decoded photographs take: known before any of them is decoded."""

import psutil

from flowers_jax.errors import UsageError


def decoded_size(photographs: int, side: int) -> int:
    """Bytes of so many, uint8 [N, side, side, 3]."""
    return photographs * side * side * 3


def check(size: int, flag: str, instead: str) -> None:
    """Refuse to decode more than there is room for: Linux would end the process in the middle of it.

    Args:
        size: bytes of decoded photographs that are to be held at once.
        flag: what decides it, and what the message begins with.
        instead: what to give in its place.

    Raises:
        UsageError: they are more than the memory that is available.
    """
    available = psutil.virtual_memory().available
    if size > available:
        raise UsageError(
            f"{flag}: the decoded photographs take {shown(size)} of memory, of which {shown(available)} are free; "
            f"give {instead}"
        )


def shown(size: int) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
