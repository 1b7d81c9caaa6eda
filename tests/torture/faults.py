"""Arming `faults.c`, which sits between this process and the C library."""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

KILLS = {"before": -1, "after": -2, "within": -3}
"""A process that ends before a call, after it, or with half of a write done."""

ERRORS = {name: getattr(errno, name) for name in ("ENOSPC", "EIO", "EROFS", "EACCES")}
"""Disk full, disk failing, mounted read-only, permission gone: that call fails and all of its kind that follow."""


def build(library: Path) -> Path:
    """Compile it as `library`.

    Raises:
        OSError: there is no C compiler, or this is not Linux.
    """
    if sys.platform != "linux":
        raise OSError("faults are injected by LD_PRELOAD, which is Linux's")
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def start_again_with(library: Path) -> NoReturn:
    """Start this program again with `library` between it and the C library."""
    others = os.environ.get("LD_PRELOAD", "")
    os.environ["LD_PRELOAD"] = f"{library}:{others}" if others else str(library)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def arm(folder: Path, call: int = 0, what: int = 0) -> None:
    """From now on count the calls that change something below `folder`; `what` happens at that of number `call`."""
    ctypes.CDLL(None).fault_arm(os.fsencode(folder), ctypes.c_long(call), ctypes.c_int(what))


def calls() -> int:
    """How many there were since."""
    count = ctypes.CDLL(None).fault_calls
    count.restype = ctypes.c_long
    return count()
