"""A run draws its pictures. Nothing that goes wrong with them ends it."""

import errno
from pathlib import Path

import pytest

from flowers_jax import config as config_lib
from flowers_jax.errors import ReportWarning
from flowers_jax.evaluation import predictions
from flowers_jax.report import pictures
from flowers_jax.report.cuts import plateau_cuts
from flowers_jax.report.pictures import Pictures, best_epoch
from flowers_jax.report.plots import ALL, curves, save
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit

OF_THE_TEST = {"confusion_matrix", "per_class", "calibration", "test_predictions"}


def drawn(run: Path) -> set[str]:
    found = sorted(path.name for path in (run / "plots").iterdir())
    names = {name.partition(".")[0] for name in found}
    assert found == sorted(f"{name}.{kind}" for name in names for kind in ("svg", "png"))
    return names


def test_a_run_leaves_its_pictures(smoke, tmp_path):
    summary = fit(smoke, tmp_path / "run", reporters=[Pictures()])
    assert drawn(tmp_path / "run") == set(ALL)
    calibration = (tmp_path / "run" / "plots" / "calibration.svg").read_text()
    assert f"ECE {summary['test_calibrated_ece']:.4f} on 12 test photographs" in calibration
    assert f"best epoch: {summary['best_epoch']}" in (tmp_path / "run" / "plots" / "curves.svg").read_text()
    tested = predictions.of_run(RunDirectory(tmp_path / "run"))
    matrix = (tmp_path / "run" / "plots" / "confusion_matrix.svg").read_text()
    assert f"{tested.right.sum()} of 12 photographs right" in matrix


def test_a_resumed_run_goes_on_with_its_curves(smoke, tmp_path, monkeypatch):
    """And its picture of the training batch stays; a run without a test part has none of it."""
    smoke.data.split, smoke.epochs = (0.8, 0.2, 0.0), 1
    fit(smoke, tmp_path / "run", reporters=[Pictures()])
    assert drawn(tmp_path / "run") == set(ALL) - OF_THE_TEST
    before, lengths = (tmp_path / "run" / "plots" / "train_batch.png").stat(), []
    monkeypatch.setattr(pictures, "SECONDS", 0.0)
    draw = curves.draw
    monkeypatch.setattr(curves, "draw", lambda rows, *more: lengths.append(len(rows)) or draw(rows, *more))
    smoke.epochs = 2
    fit(smoke, tmp_path / "run", reporters=[Pictures()])
    assert lengths == [2, 2]  # after the epoch, and at the end
    after = (tmp_path / "run" / "plots" / "train_batch.png").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_the_curves_are_drawn_twice_a_minute_at_most(smoke, tmp_path, monkeypatch):
    names = []
    monkeypatch.setattr(save, "save", lambda *given: names.append(given[-1]))
    fit(smoke, tmp_path / "run", reporters=[Pictures()])
    assert sorted(names) == sorted(ALL)


def test_without_a_report_nothing_is_drawn(smoke, tmp_path):
    smoke.logging.report, smoke.epochs = False, 1
    fit(smoke, tmp_path / "run", reporters=[Pictures()])
    assert not (tmp_path / "run" / "plots").exists()


def test_a_full_disk_ends_nothing(smoke, tmp_path, monkeypatch):
    """One line at the first failure and one at the end, however many epochs are between."""

    def full(*given):
        raise OSError(errno.ENOSPC, "No space left on device", f"{given[-1]}.svg")

    monkeypatch.setattr(save, "save", full)
    monkeypatch.setattr(pictures, "SECONDS", 0.0)
    with pytest.warns(ReportWarning) as warned:
        summary = fit(smoke, tmp_path / "run", reporters=[Pictures()])
    said = [str(one.message) for one in warned]
    assert said == [f"Pictures: [Errno 28] No space left on device: '{name}.svg'" for name in ("train_batch", "curves")]
    assert RunDirectory(tmp_path / "run").read_summary() == summary and summary["epochs"] == 3


def test_a_missing_photograph_costs_one_picture(smoke, folder, tmp_path):
    """The others are written before."""
    smoke.data.dir, smoke.epochs = str(folder), 1

    class Loses(Pictures):
        def end(self, summary):
            for path in folder.rglob("*.png"):
                path.unlink()
            super().end(summary)

    with pytest.warns(ReportWarning, match="No such file"):
        fit(smoke, tmp_path / "run", reporters=[Loses()])
    assert drawn(tmp_path / "run") == set(ALL) - {"test_predictions"}


def row(epoch: int, rate: float, phase: str = "train", loss: float = 1.0) -> dict[str, str]:
    return {"epoch": str(epoch), "learning_rate": str(rate), "phase": phase, "val_loss": str(loss)}


def test_the_cuts_of_a_constant_rate(smoke):
    rows = [row(1, 0.1), row(2, 0.1), row(3, 0.02), row(4, 0.02), row(5, 0.004)]
    assert plateau_cuts(rows, config_lib.validate(smoke), 6) == [3, 5]


def test_a_new_phase_and_a_schedule_are_no_cuts(smoke):
    smoke.schedule.name, smoke.schedule.boundaries, smoke.schedule.factor = "piecewise", (2.0,), 0.5
    rows = [row(1, 0.1, "head"), row(2, 0.1, "head"), row(3, 0.01), row(4, 0.01), row(5, 0.005), row(6, 0.001)]
    assert plateau_cuts(rows, config_lib.validate(smoke), 6) == [6]


def test_the_best_epoch_is_the_first_of_equal_ones():
    rows = [row(1, 0.1, loss=0.5), row(2, 0.1, loss=0.25), row(3, 0.1, loss=0.25)]
    assert best_epoch(rows, "val_loss", "min") == 2 and best_epoch(rows, "val_loss", "max") == 1
