"""`cross_validate.py`: every photograph predicted once, by a model that did not see it; and going on."""

import json
import shutil
import signal

import pytest

from flowers_jax.errors import Interrupted
from flowers_jax.studies import cross_validate as module
from tests.scripts.commands import SMOKE, script, table

FAST = [*SMOKE, "--config.epochs=1"]


def test_folds_one_after_another(tmp_path, folder, capsys):
    flags = [*FAST, f"--config.data.dir={folder}", "--folds=3", f"--workdir={tmp_path}/cv"]
    assert script("cross_validate", *flags) == 0
    rows = table(tmp_path / "cv" / "predictions.csv")
    assert list(rows[0]) == ["path", "label", "predicted", "probability", "fold"]
    assert sorted(row["path"] for row in rows) == sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))
    assert [row["fold"] for row in rows].count("2") == 20
    assert all(row["label"] == row["path"].split("/")[0] and 0 < float(row["probability"]) <= 1 for row in rows)
    result = json.loads((tmp_path / "cv" / "cross_validation.json").read_text())
    right = sum(row["label"] == row["predicted"] for row in rows)
    assert result["pooled"] == pytest.approx(right / 60) and result["examples"] == 60 and len(result["accuracies"]) == 3
    assert result["mean"] == pytest.approx(sum(result["accuracies"]) / 3)
    printed = capsys.readouterr().out
    assert "over 3 folds" in printed and "fold 3 of 3" in printed
    (tmp_path / "cv" / "fold-2" / "summary.json").unlink()
    before = (tmp_path / "cv" / "predictions.csv").read_bytes()
    assert script("cross_validate", *flags) == 0
    assert capsys.readouterr().out.count("nothing to do, the run is complete") == 2
    assert (tmp_path / "cv" / "predictions.csv").read_bytes() == before


def test_photographs_that_changed_between_folds(tmp_path, folder, capsys):
    flags = [*FAST, f"--config.data.dir={folder}", "--folds=3", f"--workdir={tmp_path}/cv"]
    assert script("cross_validate", *flags) == 0
    (folder / "five_petals" / "new.png").write_bytes((folder / "five_petals" / "0.png").read_bytes() + b"\0")
    shutil.rmtree(tmp_path / "cv" / "fold-3")
    assert script("cross_validate", *flags) == 1
    assert "fold 3 has other photographs than fold 1" in capsys.readouterr().err


def test_a_stop_names_the_fold_and_the_command(tmp_path, monkeypatch, capsys):
    def stops(_, workdir, **_given):
        raise Interrupted(signal.SIGINT, f"stopped; the same command with --workdir={workdir} goes on from here")

    monkeypatch.setattr(module, "fit", stops)
    assert script("cross_validate", *FAST, f"--workdir={tmp_path}/cv") == 130
    words = f"\nfold 1: stopped; the same command with --workdir={tmp_path}/cv goes on from here\n"
    assert capsys.readouterr().err == words


def test_mistakes(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    assert script("cross_validate", *FAST, f"--workdir={tmp_path}/run") == 2
    assert "holds a single run" in capsys.readouterr().err
    assert script("cross_validate", *FAST, "--folds=1", f"--workdir={tmp_path}/cv") == 2
    assert "--folds=1: must be from 2 to 100" in capsys.readouterr().err
    for key in ("folds=3", "fold=2"):
        assert script("cross_validate", *FAST, f"--config.data.{key}", "--folds=5", f"--workdir={tmp_path}/cv") == 2
        assert f"--config.data.{key}: all of 5 folds are run; leave it out" in capsys.readouterr().err
    assert not (tmp_path / "cv").exists()
