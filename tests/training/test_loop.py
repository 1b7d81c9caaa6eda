"""The loop: what a run leaves behind, what is kept, and losses that are not finite."""

import csv
import json

import jax
import numpy as np
import pytest

from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training import phase_data, trainer
from flowers_jax.training.loop import fit
from tests.training.runs import rows, state_bytes, timeless

SUMMARY_KEYS = {
    "dataset", "dataset_reason", "model", "weights", "weights_sha256", "classes", "parameters", "trainable_parameters",
    "seed", "best_epoch", "stopped_reason", "val_accuracy", "test_accuracy", "test_loss", "test_examples", "skipped",
    "temperature", "classes_without_photographs", "seconds", "estimated_seconds",
    "images_per_second", "devices", "versions",
}  # fmt: skip


def test_what_a_run_leaves_behind(smoke, tmp_path, capsys):
    summary = fit(smoke, tmp_path / "run")
    run = tmp_path / "run"
    assert {p.name for p in run.iterdir()} == {
        "config.json", "model.json", "splits.csv", "metrics.csv", "predictions.csv", "summary.json", "checkpoints",
        "manifest.json", ".lock",
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
    assert {row["path"] for row in splits} == {f"procedural:{number}" for number in range(120)}
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


def test_latest_and_best_are_kept(smoke, tmp_path):
    smoke.epochs, smoke.learning_rate, smoke.seed = 9, 0.05, 3
    summary = fit(smoke, tmp_path / "run")
    kept = {int(p.name) for p in (tmp_path / "run" / "checkpoints").iterdir()}
    assert summary["best_epoch"] < 8 and kept == {8, 9, summary["best_epoch"]}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_with_its_step(smoke, tmp_path, monkeypatch, bad):
    real = trainer.train_step

    def poisoned(state, batch, **options):
        state, sums = real(state, batch, **options)
        return state, sums | {"loss": jax.numpy.where(state.step == 9, bad, sums["loss"])}

    monkeypatch.setattr(trainer, "train_step", poisoned)
    with pytest.raises(
        TrainingError, match=r"training loss is (nan|inf) at step 9: .*goes on from checkpoint 1, the last good one"
    ):
        fit(smoke, tmp_path / "run")
    assert Checkpoints(tmp_path / "run").latest() == 1
    assert trained_model.load(str(tmp_path / "run")).classes == ("eight_petals", "five_petals", "three_petals")


def test_a_rate_that_explodes_saves_nothing_that_is_not_finite(smoke, tmp_path):
    smoke.learning_rate = 1e38
    with pytest.raises(TrainingError, match=r"learning_rate than 1e\+38; nothing was saved yet"):
        fit(smoke, tmp_path / "run")
    assert Checkpoints(tmp_path / "run").latest() is None


def test_looking_at_a_running_training_leaves_its_files_alone(smoke, tmp_path):
    fit(smoke, tmp_path / "run")
    unfinished = tmp_path / "run" / "checkpoints" / "9.orbax-checkpoint-tmp"
    unfinished.mkdir()
    trained_model.load(str(tmp_path / "run"))
    assert unfinished.is_dir()


def test_photographs_above_the_limit_are_skipped_whatever_the_source(smoke, tmp_path):
    smoke.data.max_pixels = 48 * 48 - 1
    with pytest.raises(UsageError, match=r"procedural: none of its 120 photographs .* 48x48 is 2304 pixels"):
        fit(smoke, tmp_path / "run")


def test_no_test_part_is_said_with_null(smoke, tmp_path):
    smoke.data.split = (0.9, 0.1, 0.0)
    summary = fit(smoke, tmp_path / "run")
    assert summary["test_accuracy"] is None and summary["test_loss"] is None and summary["test_examples"] == 0


def test_the_test_part_is_read_once_after_training(smoke, tmp_path, monkeypatch):
    seen = []
    decode = phase_data.split_arrays

    def watched(config, dataset, split, preprocessing):
        seen.append((split, Checkpoints(tmp_path / "run").latest() or 0))
        return decode(config, dataset, split, preprocessing)

    monkeypatch.setattr(phase_data, "split_arrays", watched)
    fit(smoke, tmp_path / "run")
    assert seen == [("train", 0), ("validation", 0), ("test", 3)]


@pytest.mark.parametrize("views", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_frozen_transfer_keeps_the_backbone(smoke, tmp_path, views):
    """The real network: on its features, and with --slow on photographs."""
    smoke.transfer.views = views
    smoke.model.name, smoke.model.options.alpha, smoke.model.freeze = "mobilenet_v2", 0.35, "backbone"
    smoke.data.image_size, smoke.epochs = 32, 1
    summary = fit(smoke, tmp_path / "run")
    assert summary["trainable_parameters"] == 1280 * 3 + 3 < summary["parameters"]
    assert rows(tmp_path / "run")[0]["phase"] == "head"
    description = RunDirectory.existing(tmp_path / "run").read_model()
    assert description["fields"]["alpha"] == 0.35
