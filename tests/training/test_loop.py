"""The loop: what a run leaves behind, resuming, stopping, and losses that are not finite."""

import csv
import json
import shutil
import signal
import time

import jax
import numpy as np
import pytest

from flowers_jax.data import sources
from flowers_jax.errors import Interrupted, TrainingError, UsageError
from flowers_jax.evaluation import trained
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training import loop
from flowers_jax.training.loop import Trainer, fit
from tests.conftest import smoke_config

TIMES = ("images_per_second", "data_wait_seconds", "seconds")
SUMMARY_KEYS = {
    "dataset", "dataset_reason", "model", "weights", "weights_sha256", "classes", "parameters", "trainable_parameters",
    "seed", "best_epoch", "stopped_reason", "val_accuracy", "test_accuracy", "test_loss", "test_examples", "skipped",
    "temperature", "seconds", "images_per_second", "devices", "versions",
}  # fmt: skip


def rows(workdir):
    with (workdir / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def timeless(workdir):
    summary = json.loads((workdir / "summary.json").read_text())
    return (
        [{k: v for k, v in row.items() if k not in TIMES} for row in rows(workdir)],
        {k: v for k, v in summary.items() if k not in TIMES},
    )


def state_bytes(workdir):
    """Every array of the latest checkpoint, as it lies there."""
    checkpoints = Checkpoints(workdir)
    number = checkpoints.latest()
    manager = checkpoints._manager
    item = {name: manager.restore(number, args=_standard(name))[name] for name in ("model", "optimizer")}
    return jax.tree.map(lambda leaf: np.asarray(leaf).tobytes(), item)


def _standard(name):
    import orbax.checkpoint as ocp

    return ocp.args.Composite(**{name: ocp.args.StandardRestore()})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of the smoke config that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    fit(smoke_config(), workdir)
    return workdir


@pytest.fixture
def stop_after(monkeypatch):
    """Deliver a real signal to this process when so many steps of a run are done."""

    def arm(steps: int, signum: int = signal.SIGTERM) -> None:
        done = iter(range(1, 10**6))
        add = Trainer._add

        def counting(self, *args):
            add(self, *args)
            if next(done) == steps:
                signal.raise_signal(signum)

        monkeypatch.setattr(Trainer, "_add", counting)

    return arm


def test_what_a_run_leaves_behind(smoke, tmp_path, capsys):
    summary = fit(smoke, tmp_path / "run")
    run = tmp_path / "run"
    assert {p.name for p in run.iterdir()} == {
        "config.json", "model.json", "splits.csv", "metrics.csv", "summary.json", "checkpoints",
    }  # fmt: skip
    assert json.loads((run / "summary.json").read_text()) == summary
    assert summary.keys() >= SUMMARY_KEYS
    assert (summary["dataset"], summary["model"], summary["test_examples"]) == ("procedural", "seed_cnn", 12)
    assert summary["parameters"] == summary["trainable_parameters"] == 896 + 1568 * 3 + 3
    table = rows(run)
    assert [row["epoch"] for row in table] == ["1", "2", "3"]
    assert {row["phase"] for row in table} == {"train"}
    losses = [float(row["val_loss"]) for row in table]
    assert summary["best_epoch"] == 1 + losses.index(min(losses))
    assert summary["val_loss"] == pytest.approx(min(losses), rel=1e-6)
    with (run / "splits.csv").open() as file:
        splits = list(csv.DictReader(file))
    assert len(splits) == 120 and list(splits[0]) == ["path", "label", "split", "sha256"]
    assert splits[0]["path"] == "procedural:0"
    printed = capsys.readouterr().out
    assert "procedural: 120 photographs, 3 classes" in printed and "test accuracy" in printed


def test_it_learns(smoke, tmp_path):
    smoke.epochs = 8
    assert fit(smoke, tmp_path / "run")["test_accuracy"] >= 0.9


def test_the_same_seed_gives_the_same_bytes(whole, smoke, tmp_path):
    fit(smoke, tmp_path / "again")
    assert timeless(whole) == timeless(tmp_path / "again")
    assert state_bytes(whole) == state_bytes(tmp_path / "again")
    smoke.seed = 1
    fit(smoke, tmp_path / "other")
    assert state_bytes(whole) != state_bytes(tmp_path / "other")


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
    for steps in (13, 25):
        stop_after(steps, signal.SIGINT)
        with pytest.raises(Interrupted):
            fit(smoke, tmp_path / f"cut{steps}")
        fit(smoke, tmp_path / f"cut{steps}")
        assert timeless(tmp_path / "whole") == timeless(tmp_path / f"cut{steps}")


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


def test_latest_and_best_are_kept(smoke, tmp_path):
    smoke.epochs, smoke.checkpoint.keep, smoke.learning_rate = 6, 1, 0.05
    summary = fit(smoke, tmp_path / "run")
    kept = {int(p.name) for p in (tmp_path / "run" / "checkpoints").iterdir()}
    assert kept == {6, summary["best_epoch"]}


def test_another_number_of_devices_goes_on(smoke, tmp_path, stop_after):
    stop_after(8)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    smoke.devices = 4
    assert len(fit(smoke, tmp_path / "run")["devices"]) == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_with_its_step(smoke, tmp_path, monkeypatch, bad):
    real, calls = loop.train_step, iter(range(10**6))

    def poisoned(state, batch, **options):
        state, sums = real(state, batch, **options)
        return state, sums | {"loss": jax.numpy.where(state.step == 9, bad, sums["loss"])}

    monkeypatch.setattr(loop, "train_step", poisoned)
    del calls
    with pytest.raises(
        TrainingError, match=r"training loss is (nan|inf) at step 9: .*checkpoint 1 in .* last good one"
    ):
        fit(smoke, tmp_path / "run")
    assert Checkpoints(tmp_path / "run").latest() == 1
    assert trained.load(str(tmp_path / "run")).classes == ("eight_petals", "five_petals", "three_petals")


def test_a_rate_that_explodes_saves_nothing_that_is_not_finite(smoke, tmp_path):
    smoke.learning_rate = 1e38
    with pytest.raises(TrainingError, match=r"learning_rate than 1e\+38; nothing was saved yet"):
        fit(smoke, tmp_path / "run")
    assert Checkpoints(tmp_path / "run").latest() is None


def test_a_config_that_changed_is_refused_by_key(smoke, tmp_path):
    fit(smoke, tmp_path / "run")
    before = (tmp_path / "run" / "config.json").read_bytes()
    smoke.learning_rate, smoke.data.image_size = 1e-4, 32
    with pytest.raises(UsageError, match=r"image_size \(28 -> 32\); learning_rate \(0.003 -> 0.0001\)"):
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
    real = sources._load
    monkeypatch.setattr(sources, "_load", lambda config, name: real(config, "procedural" if name == "auto" else name))
    smoke.data.name = "auto"
    stop_after(5)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    monkeypatch.setattr(sources, "_load", real)  # where auto would find another set now
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


def test_looking_at_a_running_training_leaves_its_files_alone(smoke, tmp_path):
    fit(smoke, tmp_path / "run")
    unfinished = tmp_path / "run" / "checkpoints" / "9.orbax-checkpoint-tmp"
    unfinished.mkdir()
    trained.load(str(tmp_path / "run"))
    assert unfinished.is_dir()


def test_photographs_above_the_limit_are_skipped_whatever_the_source(smoke, tmp_path):
    smoke.data.max_pixels = 48 * 48 - 1
    with pytest.raises(UsageError, match=r"procedural: none of its 120 photographs .* 48x48 is 2304 pixels"):
        fit(smoke, tmp_path / "run")


def test_a_damaged_run_directory_is_said(smoke, tmp_path):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(UsageError, match=r"config\.json: damaged"):
        fit(smoke, tmp_path / "run")


def test_no_test_part_is_said_with_null(smoke, tmp_path):
    smoke.data.split = (0.9, 0.1, 0.0)
    summary = fit(smoke, tmp_path / "run")
    assert summary["test_accuracy"] is None and summary["test_loss"] is None and summary["test_examples"] == 0


def test_the_test_part_is_read_once_after_training(smoke, tmp_path, monkeypatch):
    seen = []
    real = Trainer._decode
    monkeypatch.setattr(
        Trainer, "_decode", lambda self, split: (seen.append((split, self.progress.epoch)), real(self, split))[1]
    )
    fit(smoke, tmp_path / "run")
    assert seen == [("train", 0), ("validation", 0), ("test", 3)]


def test_frozen_transfer_keeps_the_backbone(smoke, tmp_path):
    smoke.model.name, smoke.model.alpha, smoke.model.freeze = "mobilenet_v2", 0.35, "backbone"
    smoke.data.image_size, smoke.epochs = 32, 1
    summary = fit(smoke, tmp_path / "run")
    assert summary["trainable_parameters"] == 1280 * 3 + 3 < summary["parameters"]
    assert rows(tmp_path / "run")[0]["phase"] == "head"
    description = RunDirectory.existing(tmp_path / "run").read_model()
    assert description["fields"]["alpha"] == 0.35


def test_time_is_counted_over_interruptions(smoke, tmp_path, stop_after):
    stop_after(4)
    began = time.monotonic()
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run")
    first = Checkpoints(tmp_path / "run").progress(1)["seconds"]
    assert 0 < first < time.monotonic() - began
    assert fit(smoke, tmp_path / "run")["seconds"] > first
