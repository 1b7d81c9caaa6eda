"""Every run below a folder in one list."""

import json
import shutil

import pytest

from flowers_jax.errors import UsageError
from flowers_jax.run.listing import runs
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run, an unfinished one as a fold below a folder, and a damaged one."""
    root = tmp_path_factory.mktemp("runs")
    config = smoke_config()
    config.epochs = 1
    summary = fit(config, root / "b")
    shutil.copytree(root / "b", root / "a" / "fold-1")
    for name in ("summary.json", "predictions.csv"):
        (root / "a" / "fold-1" / name).unlink()
    shutil.copytree(root / "b", root / "c")
    (root / "c" / "config.json").write_text("{}")
    (root / "notes").mkdir()
    (root / "notes" / "config.json").write_text("{}")
    return root, summary


def test_each_run_is_a_row(folder):
    root, summary = folder
    unfinished, finished, damaged = runs(root)
    assert [row["path"] for row in (unfinished, finished, damaged)] == [
        str(root / name) for name in ("a/fold-1", "b", "c")
    ]
    assert finished.keys() == unfinished.keys() == damaged.keys()
    for name in ("best_epoch", "val_accuracy", "test_accuracy", "test_loss", "seconds", "stopped_reason"):
        assert finished[name] == summary[name] is not None and unfinished[name] is None
    assert (finished["dataset"], finished["model"], finished["seed"]) == ("procedural", "seed_cnn", 0)
    assert finished["epochs"] == unfinished["epochs"] == 1 and unfinished["model"] == "seed_cnn"
    assert [row["finished"] for row in (unfinished, finished, damaged)] == [False, True, False]
    assert finished["error"] == unfinished["error"] == ""
    assert "config.json: damaged" in damaged["error"] and damaged["test_accuracy"] is None
    assert json.dumps(runs(root))


def test_a_run_itself_is_listed_and_an_empty_folder_has_none(folder, tmp_path):
    root, _ = folder
    assert [row["path"] for row in runs(str(root / "b"))] == [str(root / "b")]
    assert runs(tmp_path) == []
    with pytest.raises(UsageError, match=r"none: no such folder$"):
        runs(tmp_path / "none")
