"""The memory of decoded photographs, computed before any of them is decoded."""

import psutil

from flowers_jax.data import shared
from flowers_jax.errors import UsageError

SHARE = 1 / 2
"""Of the free memory, that decoded photographs take at most where the program chooses. Training needs memory too."""


def decoded_size(photographs: int, side: int) -> int:
    """Bytes of this number of photographs, uint8 [N, side, side, 3]."""
    return photographs * side * side * 3


def place(cache: str, size: int, on_devices: int = 0, *, shared: bool = False) -> str:
    """`device`, `memory` or `disk`: what `config.data.cache` says, or for `auto` where so many bytes have enough room.

    Args:
        on_devices: bytes that the devices have room for.
        shared: several processes train together. In a file each decodes the rows that are its own, in memory all.
    """
    if cache != "auto":
        return cache
    if size <= on_devices:
        return "device"
    return "disk" if shared or size > SHARE * available() else "memory"


def available() -> int:
    """Bytes of memory that are free, or that the next run frees."""
    return psutil.virtual_memory().available + shared.kept_size()


def check(size: int, flag: str, instead: str) -> None:
    """Refuse to decode more than the memory holds, because Linux would kill the process while it decodes.

    Args:
        size: bytes of decoded photographs in memory at the same time.
        flag: the flag that determines the size; the message begins with it.
        instead: what the user can give instead.

    Raises:
        UsageError: `size` is larger than the available memory.
    """
    if size > (free := available()):
        raise UsageError(
            f"{flag}: the decoded photographs take {shown(size)} of memory, of which {shown(free)} are free; "
            f"give {instead}"
        )


def shown(size: int) -> str:
    """A number of bytes as text."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
