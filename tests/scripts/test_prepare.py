"""The command that prepares a file, the training from it, and one line for every mistake."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest

from flowers_jax.data import prepared_file
from tests.conftest import ROOT
from tests.scripts.commands import SMOKE, script, table, tree

WITHOUT = """
import runpy, sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        absent = name.split(".")[0] in ("tensorflow", "tensorflow_datasets")
        return None if absent else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_parts_are_those_of_the_training_from_the_folder(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert script("prepare", folder, f"--out={tmp_path}/deep/flowers.npz", "--image_size=48", "--seed=3") == 0
    lines = capsys.readouterr().out.splitlines()
    assert set(lines[:3]) == {"      48  train", "       6  test", "       6  validation"}
    assert lines[3].endswith(f" MB  {tmp_path}/deep/flowers.npz")
    flags = [*SMOKE, "--config.epochs=1", "--config.logging.report=False", "--config.data.name=auto"]
    folder_run = [f"--config.data.dir={folder}", "--config.data.seed=3", f"--workdir={tmp_path}/folder"]
    assert script("train", *flags, *folder_run) == 0
    assert script("train", f"{tmp_path}/deep/flowers.npz", *flags, f"--workdir={tmp_path}/array") == 0
    parts = [{row["path"]: row["split"] for row in table(tmp_path / run / "splits.csv")} for run in ("folder", "array")]
    assert parts[0] == parts[1]
    assert f"--data={tmp_path}/deep/flowers.npz --split=test" in capsys.readouterr().out
    assert script("evaluate", f"--run={tmp_path}/array", f"--data={tmp_path}/deep/flowers.npz", "--split=test") == 0
    summary = json.loads((tmp_path / "array" / "summary.json").read_text())
    assert json.loads(capsys.readouterr().out)["accuracy"] == summary["test_accuracy"]


@pytest.mark.wings
def test_a_machine_without_tensorflow_trains_evaluates_and_predicts(folder, tmp_path, monkeypatch):
    file, run = tmp_path / "flowers.npz", tmp_path / "run"
    monkeypatch.chdir(ROOT)
    assert script("prepare", folder, f"--out={file}", "--image_size=28") == 0
    photograph = shutil.copy(folder / "five_petals" / "1.png", tmp_path)
    shutil.rmtree(folder)
    for command in (
        ["train", file, *SMOKE, "--config.data.name=auto", f"--workdir={run}"],
        ["evaluate", f"--run={run}", f"--data={file}"],
        ["predict", f"--run={run}", photograph],
    ):
        name, *flags = map(str, command)
        inside = [sys.executable, "-c", WITHOUT, f"scripts/{name}.py", *flags]
        done = subprocess.run(inside, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (run / "report.html").exists()


def divided(folder):
    """Its photographs in train/ and validation/."""
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        target = folder.parent / "divided" / ("train" if number % 4 else "validation") / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return folder.parent / "divided"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--out=new.npy"], "--out=new.npy: must end in .npz, as in --out=flowers.npz"),
        (["--out={out}/there.npz"], "there.npz: exists already; give a new file"),
        (["--image_size=3"], "--image_size=3: must be at least 4 and at most 2048"),
        (["--split=1,0,0"], "--split=1,0,0: must be three fractions"),
        (["--group-pattern=z(9)"], "--group-pattern=z(9): gives no group to 60 of 60 photographs"),
        (["--group-pattern=("], "--group-pattern=(: must be a regular expression of Python"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(folder, tmp_path, capsys, flags, words):
    (tmp_path / "there.npz").write_text("mine")
    before = tree(tmp_path)
    flags = [flag.format(out=tmp_path) for flag in flags]
    out = [] if any(flag.startswith("--out") for flag in flags) else [f"--out={tmp_path}/new.npz"]
    assert script("prepare", folder, *flags, *out) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert tree(tmp_path) == before and (tmp_path / "there.npz").read_text() == "mine"


def test_a_folder_without_classes_or_with_parts(folder, tmp_path, capsys):
    (empty := tmp_path / "empty").mkdir()
    assert script("prepare", empty, f"--out={tmp_path}/new.npz") == 2
    assert "empty: there is no usable photograph in class folders below it" in capsys.readouterr().err
    assert script("prepare", tmp_path / "none", f"--out={tmp_path}/new.npz") == 2
    assert "none: no such folder" in capsys.readouterr().err
    assert script("prepare", divided(folder), f"--out={tmp_path}/new.npz", "--seed=1") == 2
    assert "--seed=1: changes nothing of photographs with a validation part" in capsys.readouterr().err
    assert not (tmp_path / "new.npz").exists()


def test_a_full_disk_leaves_nothing(folder, tmp_path, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(prepared_file.shutil, "copyfileobj", full)
    before = tree(tmp_path)
    assert script("prepare", folder, f"--out={tmp_path}/new.npz") == 1
    error = capsys.readouterr().err
    assert "No space left on device" in error and error.count("\n") == 1
    assert tree(tmp_path) == before
