"""Compiled programs, kept between runs: the second start of a deep network on a CPU takes 17 s instead of 33."""

import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from flowers_jax.runtime.cache import cache_dir

CPU = Path("/proc/cpuinfo")

FUSIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}
"""Sums over activations run in the library YNNPACK. docs/convolution.md says how much faster that is."""

WIDE_VECTORS = {"xla_cpu_prefer_vector_width": 512}
"""Intel's processors with AVX-512 predict faster with vectors of 512 bits than with XLA's 256, AMD's slower."""


def compiled(mapped: Any, platform: str) -> Callable[..., Any]:
    """`mapped`, a function of `jax.pmap` or `jax.jit`, compiled with the options that are fastest on the platform.

    It compiles a program for each shape of its arguments, and gives the memory that compiling took back before the
    program runs.
    """
    programs: dict[Any, Any] = {}

    def call(*arguments: Any) -> Any:
        leaves, structure = jax.tree.flatten(arguments)
        key = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in programs:
            programs[key] = mapped.lower(*arguments).compile(compiler_options=options(platform))
            free_memory()
        return programs[key](*arguments)

    return call


@functools.cache
def options(platform: str) -> dict[str, Any]:
    """Compiler options, without those that the user has set or that this version of XLA does not know."""
    if platform != "cpu":
        return {}
    wide = _cpu_line("vendor_id").endswith("GenuineIntel") and "avx512f" in _cpu_line("flags").split()
    return {**_known(FUSIONS), **(_known(WIDE_VECTORS) if wide else {})}


def _known(wanted: dict[str, Any]) -> dict[str, Any]:
    """`wanted`, or nothing where the user has set it in XLA_FLAGS, or this version of XLA does not know it."""
    if any(name in os.environ.get("XLA_FLAGS", "") for name in wanted):
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=wanted).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return wanted


def free_memory() -> None:
    """Give memory that is free but kept by glibc's malloc back to the system: compiling keeps hundreds of megabytes."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
        if trim is not None:
            trim(0)


def keep_programs() -> None:
    """JAX stores compiled programs below the cache folder, unless the user has set another folder.

    Programs for a CPU use all its instructions, so each kind of CPU has its own subfolder.
    """
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "compiled" / _cpu()))


@contextlib.contextmanager
def shared_programs() -> Iterator[None]:
    """Within this context a program is compiled once, however short that takes: runs that are alike share all programs.

    They are stored where JAX stores programs already, or in a folder that is removed at the end.
    """
    folder, least = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    before = {name: jax.config.values[name] for name in (folder, least)}
    with contextlib.ExitStack() as given_back:
        given_back.callback(_use_cache, before)
        stored = before[folder] or given_back.enter_context(tempfile.TemporaryDirectory(prefix="flowers-jax-"))
        _use_cache({folder: stored, least: 0})
        yield


def _use_cache(settings: dict[str, object]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()  # JAX reads the folder once


def _cpu() -> str:
    described = platform.machine() + platform.processor() + (_cpu_line("flags") or _cpu_line("Features"))
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _cpu_line(name: str) -> str:
    """What Linux says of the first processor under that name; empty where it says nothing."""
    lines = CPU.read_text().splitlines() if CPU.is_file() else []
    return next((line for line in lines if line.startswith(name)), "")
