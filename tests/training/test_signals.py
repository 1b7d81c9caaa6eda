"""Signals at every moment: the state is saved, the process says how to go on, and going on is equal to the bit."""

import os
import signal
import subprocess
import sys

import pytest

from flowers_jax.errors import Interrupted
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.torture.leavings import differences
from flowers_jax.training import features, parts
from flowers_jax.training.loop import fit
from flowers_jax.training.trainer import Trainer
from tests.conftest import ROOT
from tests.training.runs import state_bytes


@pytest.fixture
def stop_in(monkeypatch):
    """Deliver a signal to this process as a function is called for the nth time."""

    def arm(owner, name, nth, signum=signal.SIGTERM):
        real, calls = getattr(owner, name), iter(range(1, 10**6))

        def interrupted(*args, **kwargs):
            if next(calls) == nth:
                signal.raise_signal(signum)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, interrupted)

    return arm


@pytest.mark.parametrize(
    ("owner", "name", "nth"),
    [
        (Trainer, "_end_epoch", 2),  # validation
        (Checkpoints, "save", 2),
        (Trainer, "_train_epoch", 1),  # before the first batch
        (Trainer, "test", 1),
        (parts, "decode_part", 1),  # nothing to save yet
    ],
)
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment(whole, smoke, tmp_path, stop_in, owner, name, nth, signum):
    stop_in(owner, name, nth, signum)
    with pytest.raises(Interrupted) as stopped:
        fit(smoke, tmp_path / "cut")
    assert stopped.value.signum == signum
    assert ("goes on from here" in str(stopped.value)) == (name != "decode_part")
    fit(smoke, tmp_path / "cut")
    # A save within an epoch has a number of its own, so that those after it are other ones.
    assert {name.split("/")[0] for name in differences(whole, tmp_path / "cut")} <= {"checkpoints", "2", "3", "4"}
    assert state_bytes(whole) == state_bytes(tmp_path / "cut")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_signal_while_features_are_computed(smoke, small_weights, tmp_path, monkeypatch, stop_in):
    smoke.model.name, smoke.model.alpha, smoke.model.weights = "mobilenet_v2", 0.35, str(small_weights)
    smoke.data.image_size, smoke.epochs, smoke.model.freeze, smoke.transfer.views = 32, 2, "backbone", 2
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    fit(smoke, tmp_path / "whole")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    stop_in(features.FeatureCache, "_compute", 2)
    with pytest.raises(Interrupted, match="before there was anything to save"):
        fit(smoke, tmp_path / "cut")
    fit(smoke, tmp_path / "cut")
    assert differences(tmp_path / "whole", tmp_path / "cut") == []


def test_going_on_with_other_devices_says_that_bits_may_differ(smoke, tmp_path, stop_in, capsys):
    stop_in(Trainer, "_end_epoch", 2)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    capsys.readouterr()
    smoke.devices = 2
    assert fit(smoke, tmp_path / "run")["epochs"] == 3
    assert "2 devices in place of 1: the result is equal up to rounding" in capsys.readouterr().out


SLOW_SAVE = """
import sys, time
from flowers_jax import cli, config
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training.loop import fit

def save(self, *args, real=Checkpoints.save):
    if len(self._sound) == 2:
        print("saving", flush=True)
        time.sleep(600)
    real(self, *args)

Checkpoints.save = save
cli.run(lambda _: fit(config.load("configs/smoke.py"), sys.argv[1]) and None)
"""

PREEMPTED = """
import socket, sys
import jax

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
jax.distributed.initialize(f"127.0.0.1:{port}", 1, 0)
from flowers_jax import cli, config
from flowers_jax.training.loop import fit

cli.run(lambda _: fit(config.load("configs/smoke.py", [("epochs", "100000"), ("early_stopping.patience", "100000")]), sys.argv[1]) and None)
"""  # noqa: E501


def start(program, run):
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program, run], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
        env=environment,
    )  # fmt: skip


def until(process, words):
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line


def test_a_second_signal_ends_at_once_and_leaves_the_last_good_checkpoint(tmp_path):
    with start(SLOW_SAVE, tmp_path / "run") as process:
        until(process, "saving")
        process.send_signal(signal.SIGTERM)
        until(process, "once more ends at once")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM
    assert Checkpoints(tmp_path / "run").usable()[0] == 2


def test_the_notice_of_jax_runtime_is_honoured(tmp_path):
    with start(PREEMPTED, tmp_path / "run") as process:
        until(process, "epoch   2")
        process.send_signal(signal.SIGTERM)
        until(process, "state saved; the same command with --workdir=")
        assert process.wait(30) == 143
    assert Checkpoints(tmp_path / "run").usable()
