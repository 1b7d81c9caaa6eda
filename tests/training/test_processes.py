"""Two processes on one machine, which exchange through gloo, train as one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial

import jax
import numpy as np
import optax
import pytest

from flowers_jax import config as config_lib
from flowers_jax import models
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.runtime import parallel, processes
from flowers_jax.studies.cross_validate import cross_validate
from flowers_jax.studies.sweep import sweep
from flowers_jax.training.loop import fit
from flowers_jax.training.step import eval_step
from tests.conftest import ROOT
from tests.training.runs import rows
from tests.training.steps import MIX, batch, run, start

FIGURES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")
OWN = ["--config.data.image_size=28", "--config.devices=1", "--config.logging.report=False",
       "--config.logging.tensorboard=False", "--config.early_stopping.patience=1000"]  # fmt: skip


def test_several_processes_map_steps_as_pmap_does(monkeypatch):
    """What one process runs with `jax.pmap` on eight devices, several run with `jit(shard_map)`."""
    module, optimizer = models.create("seed_cnn", 3), optax.sgd(0.1)
    options = {"module": module, "optimizer": optimizer, "preprocessing": Preprocessing(32), "augment": MIX, "seed": 3}
    devices, images = jax.local_devices(), batch(16)["image"]

    def trained():
        state, sums = run(start(module, optimizer), [batch(16), batch(16, seed=1)], 8, **options)
        predict = partial(eval_step, module=module, preprocessing=Preprocessing(32))
        mapped = parallel.map_predict(predict, devices)
        variables = parallel.replicate({"params": state.params, "batch_stats": {}}, devices)
        return state, sums, jax.device_get(mapped(variables, parallel.shard(images, devices)))

    of_one = trained()
    monkeypatch.setattr(parallel, "is_shared", lambda _: True)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-6), trained(), of_one)


def test_what_any_process_wishes_is_told_at_the_next_step(monkeypatch):
    assert parallel.make_vote(jax.local_devices())(15, 0) == (15, 0)
    monkeypatch.setattr(parallel, "is_shared", lambda _: True)
    vote = parallel.make_vote(jax.local_devices())
    assert [vote(0, 1), vote(15, 0), vote(0, 0)] == [(0, 0), (0, 1), (15, 0)]


def test_studies_are_of_one_process(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 2)
    for study, arguments in ((cross_validate, (tmp_path / "run",)), (sweep, ({"seed": [0, 1]}, tmp_path / "run"))):
        with pytest.raises(UsageError, match=r"2 processes, but a .* uses one: start a single process"):
            study(smoke, *arguments)
    assert not (tmp_path / "run").exists()


def test_processes_that_do_not_know_of_each_other_are_refused(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(UsageError, match=r"JAX sees 2 processes, which do not know of each other: give --distributed"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Pair:
    """Two processes of one training; their output is in two files."""

    def __init__(self, workdir, *flags, last=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.outputs = [workdir.with_name(f"{workdir.name}.{number}.txt") for number in (0, 1)]
        self.both = []
        for number, output in enumerate(self.outputs):
            command = [sys.executable, "scripts/train.py", "--config=configs/smoke.py", f"--workdir={workdir}", *OWN,
                       f"--coordinator=127.0.0.1:{port}", "--processes=2", f"--process={number}", "--heartbeat=10",
                       *flags, *(last if number else ())]  # fmt: skip
            with output.open("w") as file:
                environment = os.environ | {"PYTHONPATH": str(ROOT)}
                self.both.append(subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT, env=environment))

    def wait(self):
        """The statuses of both."""
        try:
            return [one.wait(timeout=240) for one in self.both]
        finally:
            for one in self.both:
                one.kill()

    def said(self, number):
        return self.outputs[number].read_text()


def until(holds):
    before = time.monotonic()
    while not holds():
        assert time.monotonic() - before < 240
        time.sleep(0.05)


def figures(workdir):
    return np.array([[float(row[name]) for name in FIGURES] for row in rows(workdir)])


def alone(workdir, epochs):
    """The figures of one process."""
    overrides = [flag.removeprefix("--config.").split("=") for flag in [*OWN, f"--config.epochs={epochs}"]]
    summary = fit(config_lib.load(str(ROOT / "configs/smoke.py"), [tuple(pair) for pair in overrides]), workdir)
    return figures(workdir), summary


def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.wings
def test_two_processes_have_the_figures_of_one_and_one_goes_on(tmp_path):
    pair = Pair(tmp_path / "two", "--config.epochs=2", "--config.accumulate=2")
    assert pair.wait() == [0, 0], pair.said(0)
    expected, summary = alone(tmp_path / "one", 2)
    close(figures(tmp_path / "two"), expected)
    found = json.loads((tmp_path / "two/summary.json").read_text())
    assert found["test_examples"] == summary["test_examples"] == 12  # each of them once
    assert found["test_loss"] == pytest.approx(summary["test_loss"], rel=1e-3)
    assert len(found["devices"]) == 2 and "finished (epochs)" in pair.said(0)
    assert "run " not in pair.said(1) and "epoch " not in pair.said(1)

    again = Pair(tmp_path / "two", "--config.epochs=2", "--config.accumulate=2")
    assert again.wait() == [0, 0] and "nothing to do, the run is complete" in again.said(0)

    config = config_lib.load(str(ROOT / "configs/smoke.py"), [("accumulate", "2"), ("epochs", "3")])
    config = config_lib.replace(config, {"devices": 1, "logging.report": False, "early_stopping.patience": 1000})
    fit(config_lib.replace(config, {"data.image_size": 28, "logging.tensorboard": False}), tmp_path / "two")
    close(figures(tmp_path / "two"), alone(tmp_path / "three", 3)[0])
    checkpoints = Checkpoints(tmp_path / "two")
    assert checkpoints.progress(checkpoints.latest())["device_counts"] == [1, 2]


@pytest.mark.wings
@pytest.mark.parametrize(
    ("dies", "how"), [(0, signal.SIGKILL), (1, signal.SIGKILL), pytest.param(1, signal.SIGSTOP, marks=pytest.mark.slow)]
)
def test_where_one_process_dies_the_other_says_how_to_resume(tmp_path, dies, how):
    workdir = tmp_path / "two"
    pair = Pair(workdir, "--config.epochs=500")
    until(lambda: (workdir / "metrics.csv").exists() and len(rows(workdir)) >= 2)
    before = time.monotonic()
    pair.both[dies].send_signal(how)
    assert pair.both[1 - dies].wait(timeout=60) == 1, pair.said(1 - dies)
    assert time.monotonic() - before < 25
    said = f"error: another process has ended; the same command in every process with --workdir={workdir} goes on"
    assert pair.said(1 - dies).count(said) == 1
    pair.both[dies].kill()
    pair.wait()

    epochs = len(rows(workdir)) + 1
    again = Pair(workdir, f"--config.epochs={epochs}")
    assert again.wait() == [0, 0], again.said(0)
    close(figures(workdir)[:3], alone(tmp_path / "one", 3)[0])
    assert len(figures(workdir)) == epochs


@pytest.mark.wings
@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_one_process_ends_both_with_the_state_saved(tmp_path, signum, status):
    workdir = tmp_path / "two"
    pair = Pair(workdir, "--config.epochs=500")
    until(lambda: (workdir / "metrics.csv").exists() and len(rows(workdir)) >= 1)
    pair.both[1].send_signal(signum)
    assert pair.wait() == [status, status], pair.said(0)
    assert "state saved; the same command" in pair.said(0) and Checkpoints(workdir).latest()


@pytest.mark.wings
def test_processes_with_other_configs_are_refused(tmp_path):
    pair = Pair(tmp_path / "two", last=["--config.seed=7"])
    assert pair.wait() == [2, 2]
    for number in (0, 1):
        assert "error: process 1 of 2 has another config than process 0: start all with" in pair.said(number)
    assert not (tmp_path / "two").exists()
