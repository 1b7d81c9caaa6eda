"""Memory of the host in pages of 2 MiB, on Linux.

A training step on a CPU takes gigabytes and gives them back. In pages of 4 KiB each step spends a third of its
time on a million page faults; docs/convolution.md has the figures.
"""

import os
import sys

_TUNABLES = "GLIBC_TUNABLES"


def ask_for_huge_pages() -> None:
    """Start this program again, before it has done anything, with glibc's malloc told to ask for huge pages.

    glibc (2.35 and newer) reads the setting only when a process starts. Does nothing where the user has set any
    of glibc's tunables, or where there is no glibc; a kernel that gives no huge pages ignores the wish.
    """
    if sys.platform == "linux" and _TUNABLES not in os.environ:
        os.environ[_TUNABLES] = "glibc.malloc.hugetlb=1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
