"""Memory of the host in pages of 2 MiB, on Linux.

A training step on a CPU takes gigabytes and gives them back. In pages of 4 KiB each step spends a quarter of its
time on half a million page faults; docs/convolution.md has the figures.
"""

import os
import sys

TUNABLES = "GLIBC_TUNABLES"
HUGE_PAGES = {TUNABLES: "glibc.malloc.hugetlb=1"}


def ask_for_huge_pages() -> None:
    """Start this program again, before it has done anything, with glibc's malloc told to ask for huge pages.

    glibc (2.35 and newer) reads the setting only when a process starts. Does nothing where the user has set any
    of glibc's tunables, where there is no glibc, or where the script is part of another program; a kernel that
    gives no huge pages ignores the wish.
    """
    own_program = sys.orig_argv[-len(sys.argv) :] == sys.argv
    if sys.platform == "linux" and own_program and TUNABLES not in os.environ:
        os.environ |= HUGE_PAGES
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
