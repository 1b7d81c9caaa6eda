"""Memory of the host in pages of 2 MiB, on Linux.

A training step on a CPU allocates and frees gigabytes. With pages of 4 KiB each step spends a quarter of its time on
half a million page faults; docs/convolution.md has the figures.
"""

import os
import sys

TUNABLES = "GLIBC_TUNABLES"
HUGE_PAGES = {TUNABLES: "glibc.malloc.hugetlb=1"}


def ask_for_huge_pages() -> None:
    """Restart this program, before it has done anything, with huge pages enabled in glibc's malloc.

    glibc (2.35 and newer) reads the setting only when a process starts. Nothing happens if the user has set any
    of glibc's tunables, if there is no glibc, or if the script is part of another program. A kernel without huge
    pages ignores the setting.
    """
    own_program = sys.orig_argv[-len(sys.argv) :] == sys.argv
    if sys.platform == "linux" and own_program and TUNABLES not in os.environ:
        os.environ |= HUGE_PAGES
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
