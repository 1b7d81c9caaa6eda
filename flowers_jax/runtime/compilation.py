"""Compiled programs, kept between runs: the second start of a deep network on a CPU takes 16 s instead of 40."""

import hashlib
import os
import platform
from pathlib import Path

import jax

from flowers_jax.storage import fetch

CPU = Path("/proc/cpuinfo")


def keep_programs() -> None:
    """JAX stores compiled programs below the cache folder, unless the user has set another folder.

    Programs for a CPU use all its instructions, so each kind of CPU has its own subfolder.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(fetch.cache_dir() / "compiled" / _cpu()))


def _cpu() -> str:
    described = platform.machine() + platform.processor()
    if CPU.is_file():
        described += next((line for line in CPU.read_text().splitlines() if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(described.encode()).hexdigest()[:16]
