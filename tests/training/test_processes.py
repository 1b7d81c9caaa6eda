"""A run is of one process; several are refused before any of them waits for another."""

import socket
import subprocess
import sys

import jax
import pytest

from flowers_jax.errors import UsageError
from flowers_jax.training.loop import fit
from tests.conftest import ROOT

pytestmark = pytest.mark.wings


def test_several_processes_are_refused(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(UsageError, match=r"jax\.distributed has 2 processes, but a run uses one: start a single pro"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()


TWO = """
import os, sys, time
import jax

jax.distributed.initialize(f"127.0.0.1:{sys.argv[1]}", 2, int(sys.argv[2]))
from flowers_jax import config
from flowers_jax.errors import UsageError
from flowers_jax.training.loop import fit

if sys.argv[2] == "1":
    sys.stdin.read()  # and never makes a backend
before = time.monotonic()
try:
    fit(config.load("configs/smoke.py"), sys.argv[3])
except UsageError as refused:
    print(f"{time.monotonic() - before:.1f} {refused}", flush=True)
os._exit(0)  # JAX would wait for the other
"""


def test_one_of_two_processes_is_refused_without_waiting_for_the_other(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", TWO, str(port), str(number), tmp_path / "run"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for number in (0, 1)
    )  # fmt: skip
    with first, second:
        seconds, _, refusal = first.stdout.readline().partition(" ")
        second.kill()
    assert refusal.startswith("jax.distributed has 2 processes") and float(seconds) < 5
    assert not (tmp_path / "run").exists()
