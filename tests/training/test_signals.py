"""Signals at every moment: the state is saved, the process says how to go on, and going on is equal to the bit."""

import signal
import subprocess
import sys

import pytest

from flowers_jax.errors import Interrupted
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training import features, phase_data
from flowers_jax.training.loop import fit
from flowers_jax.training.trainer import Trainer
from tests.conftest import ROOT
from tests.torture.outcome import differences
from tests.training.runs import state_bytes

SLOW_SAVE = """
import sys, time
from flowers_jax import cli, config
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training.loop import fit

def save(self, *args, real=Checkpoints.save):
    if self.next_number() == 3:
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
    return subprocess.Popen(
        [sys.executable, "-c", program, run], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )  # fmt: skip


def until(process, words):
    said = ""
    while words not in said:
        line = process.stdout.readline()
        assert line, said
        said += line


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
    ("owner", "name", "nth", "signum"),
    [
        (Trainer, "_end_epoch", 2, signal.SIGTERM),  # validation
        (Checkpoints, "save", 2, signal.SIGINT),
        (Trainer, "_train_epoch", 1, signal.SIGTERM),  # before the first batch
        (Trainer, "test", 1, signal.SIGINT),
        (phase_data, "split_arrays", 1, signal.SIGTERM),  # nothing to save yet
    ],
)
def test_a_signal_at_any_moment(whole, smoke, tmp_path, stop_in, owner, name, nth, signum):
    stop_in(owner, name, nth, signum)
    with pytest.raises(Interrupted) as stopped:
        fit(smoke, tmp_path / "cut")
    assert stopped.value.signum == signum
    assert ("goes on from here" in str(stopped.value)) == (name != "split_arrays")
    fit(smoke, tmp_path / "cut")
    # A save within an epoch has a number of its own, so that those after it are other ones.
    assert {name.split("/")[0] for name in differences(whole, tmp_path / "cut")} <= {"checkpoints", "2", "3", "4"}
    assert state_bytes(whole) == state_bytes(tmp_path / "cut")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_signal_while_features_are_computed(on_features, tmp_path, monkeypatch, stop_in):
    on_features.epochs = 1
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one"))
    fit(on_features, tmp_path / "whole")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    stop_in(features.FeatureCache, "_compute", 1)
    with pytest.raises(Interrupted, match="before there was anything to save"):
        fit(on_features, tmp_path / "cut")
    fit(on_features, tmp_path / "cut")
    assert differences(tmp_path / "whole", tmp_path / "cut") == []


def test_a_signal_between_the_last_epoch_and_the_test(whole, smoke, tmp_path, monkeypatch):
    over = Trainer._phase_is_over
    seen = []

    def late(self):
        if over(self) and not seen:
            seen.append(signal.raise_signal(signal.SIGTERM))
        return over(self)

    monkeypatch.setattr(Trainer, "_phase_is_over", late)
    with pytest.raises(Interrupted, match="stopped after epoch 3"):
        fit(smoke, tmp_path / "cut")
    fit(smoke, tmp_path / "cut")
    assert differences(whole, tmp_path / "cut") == []


def test_a_reader_of_stderr_that_has_gone_costs_nothing(tmp_path):
    """As in `train.py 2>&1 | tee log`, where Ctrl-C ends tee too."""
    with start(SLOW_SAVE.replace("600", "3"), tmp_path / "run") as process:
        until(process, "saving")
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert Checkpoints(tmp_path / "run").usable()[0] >= 3


def test_going_on_with_other_devices_says_that_bits_may_differ(smoke, tmp_path, stop_in, capsys):
    stop_in(Trainer, "_end_epoch", 2)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    capsys.readouterr()
    smoke.devices = 2
    assert fit(smoke, tmp_path / "run")["epochs"] == 3
    assert "2 devices in place of 1: the result is equal up to rounding" in capsys.readouterr().out


def test_a_second_signal_ends_at_once_and_leaves_the_last_good_checkpoint(tmp_path):
    with start(SLOW_SAVE, tmp_path / "run") as process:
        until(process, "saving")
        process.send_signal(signal.SIGTERM)
        until(process, "a second signal ends the program at once")
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
