"""A sweep: ordinary runs in one process, averaged over seeds, chosen by validation, resumed after a kill."""

import json
import signal
import statistics
import subprocess
import sys
import time

import jax
import pytest

from flowers_jax.data import loader
from flowers_jax.errors import DivergenceError, Interrupted, TrainingError, UsageError
from flowers_jax.run import lock
from flowers_jax.run.directory import RunDirectory
from flowers_jax.studies import sweep as sweep_module
from flowers_jax.studies.sweep import sweep
from flowers_jax.training.loop import fit
from tests.conftest import ROOT, smoke_config
from tests.scripts.commands import SMOKE, table
from tests.torture import outcome

GRID = {"learning_rate": [1e-3, 3e-3], "data.seed": [0, 1]}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """(folder of the sweep, its result, the number of photographs of every part that was decoded)."""
    out, decoded = tmp_path_factory.mktemp("sweep") / "out", []
    with pytest.MonkeyPatch.context() as patch:
        fill = loader._fill
        patch.setattr(loader, "_fill", lambda *given: decoded.append(len(given[0])) or fill(*given))
        result = sweep(smoke_config(), GRID, out)
    return out, result, decoded


def test_each_point_is_an_ordinary_run(swept, smoke, tmp_path):
    out, _, _ = swept
    smoke.learning_rate, smoke.data.seed = 3e-3, 1
    fit(smoke, tmp_path / "alone")
    swept_run = out / "learning_rate=0.003,data.seed=1"
    assert outcome.metrics(swept_run) == outcome.metrics(tmp_path / "alone")
    assert outcome.summary(swept_run) == outcome.summary(tmp_path / "alone")


def test_points_of_one_division_decode_once(swept):
    _, _, decoded = swept
    assert sorted(decoded) == sorted(2 * [96, 12, 12])


def test_results(swept):
    out, result, _ = swept
    assert json.loads((out / "sweep.json").read_text()) == result
    rows = table(out / "sweep.csv")
    assert list(rows[0]) == ["learning_rate", "data.seed", "val_loss", "seconds", "path"]
    summaries = {row["path"]: RunDirectory(out / row["path"]).read_summary() for row in rows}
    assert len(rows) == 4
    assert all(float(row["val_loss"]) == pytest.approx(summaries[row["path"]]["val_loss"]) for row in rows)
    for setting in result["table"]:
        figures = [float(row["val_loss"]) for row in rows if row["path"] in setting["runs"]]
        assert (setting["mean"], setting["sd"], setting["n"]) == (
            statistics.mean(figures),
            statistics.stdev(figures),
            2,
        )
    best = min(result["table"], key=lambda setting: setting["mean"])
    assert result["chosen"] == best and result["monitor"] == "val_loss" and result["better"] == "min"
    of_chosen = [summaries[path] for path in best["runs"]]
    assert result["test"]["accuracy"]["mean"] == statistics.mean(summary["test_accuracy"] for summary in of_chosen)
    assert result["test"]["loss"]["sd"] == statistics.stdev(summary["test_loss"] for summary in of_chosen)
    assert result["test"]["examples"] == [12, 12]


def test_the_same_sweep_again_reads_and_trains_nothing(swept, smoke, capsys):
    out, result, _ = swept
    assert sweep(smoke, GRID, out) == result
    printed = capsys.readouterr().out
    assert printed.count("nothing to do, the run is complete") == 4
    assert "test accuracy" not in printed  # which would show the test figures of all points


def test_another_grid_keeps_what_is_equal(swept, smoke, capsys):
    out, _, _ = swept
    result = sweep(smoke, {"data.seed": [1, 0]}, out)  # at the learning rate of the config, 0.003
    assert capsys.readouterr().out.count("nothing to do") == 2
    assert result["chosen"]["keys"] == {} and result["chosen"]["n"] == 2
    assert [row["path"] for row in table(out / "sweep.csv")] == [
        "learning_rate=0.003,data.seed=1", "learning_rate=0.003,data.seed=0"
    ]  # fmt: skip


def test_another_config_under_the_same_names(swept, smoke):
    out, _, _ = swept
    smoke.batch_size = 8
    with pytest.raises(UsageError) as refused:
        sweep(smoke, GRID, out)
    words = f"learning_rate=0.001,data.seed=0: --out={out}: belongs to a run with another config: batch_size (16 -> 8)"
    assert str(refused.value).startswith(words) and "--workdir" not in str(refused.value)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"model.freeze": ["none", "backbone"]}, "seed_cnn has no backbone; give --config.model.freeze=none"),
        ({"schedule.final": [0.0, 0.5]}, "schedule.final=0.5: --config.schedule.final=0.5: changes nothing"),
        ({"data.dir": ["", "nowhere"]}, "--config.data.dir=nowhere: no such folder"),
    ],
)
def test_a_mistake_in_a_later_point_is_found_before_the_first_trains(smoke, tmp_path, grid, words):
    with pytest.raises(UsageError) as refused:
        sweep(smoke, grid, tmp_path / "out")
    assert words in str(refused.value) and list(tmp_path.iterdir()) == []


def test_one_sweep_at_a_time(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_module, "_check", lambda *_: None)
    with (
        lock.owned(tmp_path),
        pytest.raises(UsageError, match=f"sweep: --out={tmp_path}: process .* give another --out"),
    ):
        sweep(smoke, GRID, tmp_path)


def test_a_point_that_diverges_is_not_chosen(smoke, tmp_path, monkeypatch, capsys):
    smoke.epochs = 1

    def diverges(config, workdir, **how):
        if config.learning_rate == 1 or config.seed == 9:
            raise DivergenceError(f"the loss is nan; the same command with --workdir={workdir} goes on")
        return fit(config, workdir, **how)

    monkeypatch.setattr(sweep_module, "fit", diverges)
    result = sweep(smoke, {"learning_rate": [1.0, 3e-3]}, tmp_path)
    assert f"the loss is nan; the same command with --out={tmp_path} goes on" in capsys.readouterr().out
    assert [setting["mean"] is None for setting in result["table"]] == [True, False]
    assert result["chosen"]["keys"] == {"learning_rate": 3e-3} and result["diverged"] == ["learning_rate=1.0"]
    assert table(tmp_path / "sweep.csv")[0]["val_loss"] == ""
    with pytest.raises(TrainingError, match="not finite in any setting"):
        sweep(smoke, {"seed": [0, 9]}, tmp_path)


def test_the_monitor_of_the_config_chooses(smoke, tmp_path):
    smoke.epochs, smoke.checkpoint.monitor = 1, "train_accuracy"
    result = sweep(smoke, {"learning_rate": [1e-3, 3e-3]}, tmp_path)
    assert (result["monitor"], result["better"]) == ("train_accuracy", "max")
    accuracies = [float(row["train_accuracy"]) for row in table(tmp_path / "sweep.csv")]
    assert result["chosen"]["mean"] == max(accuracies) and result["chosen"]["sd"] is None


def test_a_failure_gives_jax_its_settings_back(smoke, tmp_path, monkeypatch):
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before, seen = [jax.config.values[name] for name in names], []
    monkeypatch.setattr(sweep_module, "_check", lambda *_: None)

    def stops(_, workdir, **__):
        seen.extend(jax.config.values[name] for name in names)
        raise Interrupted(signal.SIGINT, f"stopped; the same command with --workdir={workdir} goes on from here")

    monkeypatch.setattr(sweep_module, "fit", stops)
    with pytest.raises(Interrupted, match=f"seed=0: stopped; the same command with --out={tmp_path} goes on from here"):
        sweep(smoke, {"seed": [0, 1]}, tmp_path)
    assert seen[0] and seen[1] == 0
    assert [jax.config.values[name] for name in names] == before


@pytest.mark.parametrize("signum", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_sweep_that_is_stopped_half_way_ends_equal(tmp_path, signum):
    """One process is stopped in its second point, another goes on, and a third is never stopped."""

    def start(out):
        flags = [*SMOKE, "--config.epochs=15", "--grid", "learning_rate=1e-3,3e-3", f"--out={tmp_path / out}"]
        command = [sys.executable, "scripts/sweep.py", *flags]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    stopped, whole = start("out"), start("whole")
    second = tmp_path / "out" / "learning_rate=0.003"
    while not (second / "checkpoints" / "2").is_dir():
        assert stopped.poll() is None, stopped.stderr.read()
        time.sleep(0.02)
    stopped.send_signal(signum)
    _, error = stopped.communicate(timeout=60)
    assert not (second / "summary.json").exists()
    if signum == signal.SIGINT:
        assert stopped.returncode == 130
        assert "learning_rate=0.003: stopped" in error and f"with --out={tmp_path / 'out'} goes on from here" in error
    (printed, _), (of_whole, _) = start("out").communicate(timeout=100), whole.communicate(timeout=100)
    assert printed.count("nothing to do") == 1 and "\nresumed  at epoch" in printed
    assert printed.count("test accuracy") == of_whole.count("test accuracy") == 1  # of the chosen point
    for name in ("learning_rate=0.001", "learning_rate=0.003"):
        assert outcome.metrics(tmp_path / "out" / name) == outcome.metrics(tmp_path / "whole" / name)
    results = [json.loads((tmp_path / name / "sweep.json").read_text()) for name in ("out", "whole")]
    assert results[0] | {"seconds": 0} == results[1] | {"seconds": 0}
