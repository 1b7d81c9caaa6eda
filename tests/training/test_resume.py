"""Stopping and going on: the same result as a run that nothing interrupted, and refusals where that cannot be."""

import shutil
import signal
import time

import pytest

from flowers_jax.data import sources
from flowers_jax.errors import Interrupted, UsageError
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training.loop import fit
from tests.training.runs import rows, state_bytes, timeless

STEPS = [1, 4, 6, 9, 17]


@pytest.mark.parametrize(
    "steps", [*STEPS, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 18) if n not in STEPS)]
)
def test_a_signal_saves_and_the_same_call_goes_on_bitwise(whole, smoke, tmp_path, stop_after, steps):
    """6 steps an epoch: the first batch, mid-epoch, the last batch, another epoch, just before the end."""
    stop_after(steps)
    with pytest.raises(Interrupted) as stopped:
        fit(smoke, tmp_path / "cut")
    assert stopped.value.signum == signal.SIGTERM and f"--workdir={tmp_path}/cut" in str(stopped.value)
    assert not (tmp_path / "cut" / "summary.json").exists()
    fit(smoke, tmp_path / "cut")
    assert timeless(whole) == timeless(tmp_path / "cut")
    assert state_bytes(whole) == state_bytes(tmp_path / "cut")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_monitors_live_on_through_a_resume(smoke, tmp_path, stop_after):
    """A rate that is cut every other epoch and a stop at the fourth bad one, interrupted before both."""
    smoke.epochs = 9
    smoke.plateau.patience, smoke.plateau.min_delta = 2, 100.0
    smoke.early_stopping.patience, smoke.early_stopping.min_delta = 4, 100.0
    whole = fit(smoke, tmp_path / "whole")
    assert whole["stopped_reason"] == "early_stopping"
    rates = [float(row["learning_rate"]) for row in rows(tmp_path / "whole")]
    assert rates == [3e-3, 3e-3, 3e-3, 3e-3 * 0.2, 3e-3 * 0.2]
    for steps in (13, 25 - 13):  # of the first process, and of the one that goes on
        stop_after(steps, signal.SIGINT)
        with pytest.raises(Interrupted):
            fit(smoke, tmp_path / "cut")
    fit(smoke, tmp_path / "cut")
    assert timeless(tmp_path / "whole") == timeless(tmp_path / "cut")
    assert state_bytes(tmp_path / "whole") == state_bytes(tmp_path / "cut")


def test_saving_within_an_epoch_changes_nothing(whole, smoke, tmp_path):
    smoke.checkpoint.every_steps = 2
    smoke.checkpoint.keep = 99
    fit(smoke, tmp_path / "often")
    assert timeless(whole) == timeless(tmp_path / "often")
    assert state_bytes(whole) == state_bytes(tmp_path / "often")
    progress = [Checkpoints(tmp_path / "often").progress(n) for n in range(1, 10)]
    assert [(p["epoch"], p["sums"]["batches"]) for p in progress[:4]] == [(0, 2), (0, 4), (1, 0), (1, 2)]


def test_a_finished_run_says_so_and_more_epochs_go_on(whole, smoke, tmp_path, capsys):
    smoke.epochs = 2
    first = fit(smoke, tmp_path / "run")
    capsys.readouterr()
    assert fit(smoke, tmp_path / "run") == first
    assert "nothing to do, the run is complete" in capsys.readouterr().out
    smoke.epochs = 3
    fit(smoke, tmp_path / "run")
    assert timeless(tmp_path / "run") == timeless(whole)


def test_another_number_of_devices_goes_on(smoke, tmp_path, stop_after):
    stop_after(8)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    smoke.devices = 4
    assert len(fit(smoke, tmp_path / "run")["devices"]) == 4


def test_a_config_that_changed_is_refused_by_key(smoke, tmp_path):
    fit(smoke, tmp_path / "run")
    before = (tmp_path / "run" / "config.json").read_bytes()
    smoke.learning_rate, smoke.data.image_size, smoke.user.question = 1e-4, 32, "why?"
    words = r"learning_rate \(0.003 -> 0.0001\); data\.image_size \(28 -> 32\); user\.question \(None -> why\?\)"
    with pytest.raises(UsageError, match=words):
        fit(smoke, tmp_path / "run")
    assert (tmp_path / "run" / "config.json").read_bytes() == before


def test_splits_csv_governs_an_existing_run(smoke, folder, tmp_path, stop_after):
    smoke.data.dir = str(folder)
    stop_after(5)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    table = tmp_path / "run" / "splits.csv"
    text = table.read_text()
    (folder / "five_petals" / "new.png").write_bytes((folder / "five_petals" / "0.png").read_bytes() + b"\0")
    assert fit(smoke, tmp_path / "run")["test_examples"] == 6
    assert table.read_text() == text
    (tmp_path / "run" / "summary.json").unlink()
    (folder / "five_petals" / "1.png").write_bytes((folder / "five_petals" / "2.png").read_bytes())
    with pytest.raises(UsageError, match=r"five_petals/1\.png has changed since .*splits\.csv"):
        fit(smoke, tmp_path / "run")
    (folder / "five_petals" / "1.png").unlink()
    with pytest.raises(UsageError, match=r"five_petals/1\.png is gone"):
        fit(smoke, tmp_path / "run")


def test_a_resumed_run_stays_with_what_auto_came_to(smoke, tmp_path, stop_after, monkeypatch):
    monkeypatch.setitem(sources.SOURCES, "auto", sources.SOURCES["procedural"])
    smoke.data.name = "auto"
    stop_after(5)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    monkeypatch.setitem(sources.SOURCES, "auto", None)  # where auto would find another set now
    assert fit(smoke, tmp_path / "run")["dataset"] == "procedural"


def test_a_class_that_came_since_is_left_out(smoke, folder, tmp_path, stop_after):
    smoke.data.dir = str(folder)
    stop_after(4)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    shutil.copytree(folder / "five_petals", folder / "a new class")
    summary = fit(smoke, tmp_path / "run")
    assert summary["classes"] == ["eight_petals", "five_petals", "three_petals"] and summary["test_examples"] == 6


def test_a_run_that_goes_on_has_no_summary_until_it_ends(smoke, tmp_path, stop_after):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    smoke.epochs = 2
    stop_after(6)  # the last step of the last epoch
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run" / "summary.json").exists()
    assert fit(smoke, tmp_path / "run")["epochs"] == 2


def test_a_damaged_run_directory_is_said(smoke, tmp_path):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json: damaged"):
        fit(smoke, tmp_path / "run")


def test_time_is_counted_over_interruptions(smoke, tmp_path, stop_after):
    stop_after(4)
    began = time.monotonic()
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    first = Checkpoints(tmp_path / "run").progress(1)["seconds"]
    assert 0 < first < time.monotonic() - began
    assert fit(smoke, tmp_path / "run")["seconds"] > first
