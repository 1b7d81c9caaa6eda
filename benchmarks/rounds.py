"""Programs in turn, each round in fresh processes, so that all meet the same conditions."""

import json
import os
import subprocess
import sys
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
    "jax": ("ours-xla",),
}
"""The package that a peer needs, and the programs that are measured with it."""

ALONE = ("augment", "decode", "separable")
"""What is measured of ours alone, each by a module of its name."""

ENVIRONMENTS = {
    "ours": host_memory.HUGE_PAGES,
    "ours-xla": host_memory.HUGE_PAGES,
    "keras-huge": host_memory.HUGE_PAGES,
    "torch-huge": host_memory.HUGE_PAGES,
    "torch-tuned": {"MALLOC_MMAP_MAX_": "0"},
}
"""What a program is given beside the user's environment: ours, and those named `huge`, what train.py gives itself."""


class Round(NamedTuple):
    """What a process measured.

    Attributes:
        result: what it printed; None where it failed.
        error: then its last line.
    """

    who: str
    model: str
    result: dict[str, Any] | None
    error: str = ""


def measure(
    programs: Sequence[str], models: Sequence[str], batch: int, rounds: int, say: Callable[[str], None]
) -> list[Round]:
    """Every model in every program, `rounds` times; models are also those of `ALONE`."""
    done = []
    for number in range(1, rounds + 1):
        for who, model in _pairs(programs, models):
            say(f"round {number} of {rounds}: {model}, {who} ...")
            begin = time.perf_counter()
            done.append(_run(who, model, batch))
            rates = (done[-1].result or {}).get("rates", {})
            said = ", ".join(f"{what} {rate:,.1f} images/s" for what, rate in rates.items()) or done[-1].error
            say(f"    {said} ({time.perf_counter() - begin:.0f} s)")
    return done


def _pairs(programs: Sequence[str], models: Sequence[str]) -> Iterator[tuple[str, str]]:
    for model in models:
        for who in ("ours",) if model in ALONE else programs:
            yield who, model


def _run(who: str, model: str, batch: int) -> Round:
    command = [model, str(batch)] if model in ALONE else ["program", who, model, str(batch), str(time.time())]
    done = child(*command, environment={**ENVIRONMENTS.get(who, {}), **os.environ})
    lines = done.stdout.splitlines()
    if done.returncode == 0 and lines:
        return Round(who, model, json.loads(lines[-1]))
    errors = done.stderr.strip().splitlines() or [f"exit status {done.returncode} without a word"]
    return Round(who, model, None, errors[-1])


def child(
    module: str, *arguments: str, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """`python -m benchmarks.MODULE ARGUMENTS` from any folder, waited for."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    path = os.pathsep.join(filter(None, [ROOT, environment.get("PYTHONPATH")]))
    return subprocess.run(command, env={**environment, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
