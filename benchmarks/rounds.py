"""Programs in turn, each round in fresh processes, so that all meet the same conditions."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flowers_jax.runtime import host_memory

ROOT = str(Path(__file__).resolve().parents[1])
"""The folder from which `benchmarks` is imported, which a child that starts elsewhere must be told."""

PEERS = {
    "keras": ("keras", "keras-huge"),
    "torch": ("torch", "torch-tuned", "torch-huge", "torch-compiled"),
    "keras-gpu": ("keras", "keras-jit", "keras-amp"),
    "torch-gpu": ("torch", "torch-compiled", "torch-amp", "torch-amp-compiled"),
    "jax": ("ours-xla",),
    "jax-tuned": ("ours-tuned",),
    "jax-gpu": ("ours-resident",),
}
"""A peer, named for the package that it needs, and its programs; those of the second kind are for a GPU."""

ALONE = ("augment", "decode", "separable")
"""What is measured of ours alone, each by a module of its name."""

KEPT_MEMORY = "glibc.malloc.arena_max=1:glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1000000000000"
"""With these tunables glibc's malloc gives no memory back to the system: a step finds that of the step before."""

ENVIRONMENTS = {
    "ours": host_memory.HUGE_PAGES,
    "ours-xla": host_memory.HUGE_PAGES,
    "ours-tuned": {host_memory.TUNABLES: f"{host_memory.HUGE_PAGES[host_memory.TUNABLES]}:{KEPT_MEMORY}"},
    "keras-huge": host_memory.HUGE_PAGES,
    "torch-huge": host_memory.HUGE_PAGES,
    "torch-tuned": {"MALLOC_MMAP_MAX_": "0"},
}
"""What a program is given beside the user's environment: ours, and those named `huge`, what train.py gives itself.

Those named `tuned` keep memory that is free.
"""


CACHES = ("JAX_COMPILATION_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
"""Variables that name the folder of compiled programs."""


class Round(NamedTuple):
    """What a process measured.

    Attributes:
        result: what it printed; None where it failed.
        error: then its last line.
    """

    who: str
    model: str
    batch: int
    result: dict[str, Any] | None
    error: str = ""


def measure(
    programs: Sequence[str], models: Sequence[str], batches: Sequence[int], rounds: int, say: Callable[[str], None]
) -> Iterator[Round]:
    """Every model in every program with every size of a batch, `rounds` times; models are also those of `ALONE`.

    Each is yielded when it is done. In the first round a second process takes the first step again, with the compiled
    programs that the first one kept: `warm_first_step_seconds`.
    """
    for number in range(1, rounds + 1):
        for who, model, batch in _runs(programs, models, batches):
            say(f"round {number} of {rounds}: {model}, {who}, {batch} ...")
            begin = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="flowers_jax-benchmark-") as kept:
                done = _run(who, model, batch, kept)
                if number == 1 and done.result and model not in ALONE:
                    again = _run(who, model, batch, kept, "first").result or {}
                    done.result["warm_first_step_seconds"] = again.get("first_step_seconds")
            rates = (done.result or {}).get("rates", {})
            said = ", ".join(f"{what} {rate:,.1f} images/s" for what, rate in rates.items()) or done.error
            say(f"    {said} ({time.perf_counter() - begin:.0f} s)")
            yield done


def _runs(programs: Sequence[str], models: Sequence[str], batches: Sequence[int]) -> Iterator[tuple[str, str, int]]:
    for model in models:
        alone = model in ALONE
        yield from itertools.product(("ours",) if alone else programs, (model,), batches[:1] if alone else batches)


def _run(who: str, model: str, batch: int, kept: str, *only: str) -> Round:
    """
    Args:
        kept: the folder of compiled programs.
    """
    command = [model, str(batch)] if model in ALONE else ["program", who, model, str(batch), str(time.time()), *only]
    caches = dict.fromkeys(CACHES, kept)
    done = child(*command, environment={**ENVIRONMENTS.get(who, {}), **os.environ, **caches})
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Round(who, model, batch, json.loads(lines[-1]))
    errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode} without a word"]
    return Round(who, model, batch, None, errors[-1])


def child(
    module: str, *arguments: str, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """`python -m benchmarks.MODULE ARGUMENTS` from any folder, waited for."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    path = os.pathsep.join(filter(None, [ROOT, environment.get("PYTHONPATH")]))
    return subprocess.run(command, env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
