"""Compiled programs, kept between runs: of a deep network on a CPU the second start takes 16 s in place of 40."""

import hashlib
import os
import platform
from pathlib import Path

import jax

from flowers_jax.storage import fetch

CPU = Path("/proc/cpuinfo")


def keep_programs() -> None:
    """Have JAX keep what it compiles below the cache folder, unless the user keeps it elsewhere.

    Programs for a CPU use all its instructions, so another CPU that shares the folder has a place of its own.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(fetch.cache_dir() / "compiled" / _cpu()))


def _cpu() -> str:
    described = platform.machine() + platform.processor()
    if CPU.is_file():
        described += next((line for line in CPU.read_text().splitlines() if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256(described.encode()).hexdigest()[:16]
