"""What comes after training, and before: evaluate, predict and split."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowers_jax.data.sources import procedural
from tests.conftest import ROOT
from tests.scripts.commands import SMOKE, script, table, tree


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, Path]:
    """(run directory, folder) of a real training on a folder of drawn flowers."""

    base = tmp_path_factory.mktemp("trained")
    for kind, name in enumerate(procedural.PETALS):
        (base / "photos" / name).mkdir(parents=True)
        for number in range(30):
            (base / "photos" / name / f"{number}.png").write_bytes(procedural.draw(name, 1000 * kind + number))
    os.chdir(ROOT)
    status = script("train", *SMOKE, f"--config.data.dir={base / 'photos'}", f"--workdir={base / 'run'}")
    assert status == 0
    return base / "run", base / "photos"


@pytest.fixture
def moved(run, tmp_path) -> tuple[Path, Path, dict]:
    """The run directory elsewhere, and a copy of the test part's photographs, the training folder away."""
    workdir, photos = run
    elsewhere = shutil.copytree(workdir, tmp_path / "elsewhere")
    for row in table(workdir / "splits.csv"):
        if row["split"] == "test":
            target = tmp_path / "copy" / row["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(photos / row["path"], target)
    photos.rename(photos.with_name("away"))
    yield elsewhere, tmp_path / "copy", json.loads((workdir / "summary.json").read_text())
    photos.with_name("away").rename(photos)


def test_evaluate_gives_the_summarys_accuracy_and_predict_the_same_labels(moved, capsys):
    elsewhere, copy, summary = moved
    assert script("evaluate", f"--run={elsewhere}", f"--data={copy}") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["accuracy"] == summary["test_accuracy"] and report["examples"] == summary["test_examples"] == 9
    assert report["precision"] == "float32"
    assert report["loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    assert report["per_class"].keys() == set(summary["classes"]) and report["skipped"] == []
    assert report["per_class"]["five_petals"].keys() == {"precision", "recall", "f1", "support"}
    paths = sorted(map(str, copy.rglob("*.png")))
    assert script("predict", f"--run={elsewhere}", "--precision=float32", *paths) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["path", "label", "probability", "label_2", "probability_2", "label_3", "probability_3"]
    assert [row["path"] for row in rows] == paths
    right = [row["label"] == Path(row["path"]).parent.name for row in rows]
    assert sum(right) / len(right) == summary["test_accuracy"]
    for row in rows:
        p = [float(row[name]) for name in ("probability", "probability_2", "probability_3")]
        assert p == sorted(p, reverse=True) and sum(p) == pytest.approx(1, abs=1e-5)


def test_predict_says_what_predictions_csv_says(folder, tmp_path, capsys):
    """Of each test photograph, mirrored too, in batches that the last does not fill, at the fitted temperature."""
    flags = [f"--config.data.dir={folder}", f"--workdir={tmp_path / 'run'}", "--config.batch_size=7",
             "--config.data.split=0.6,0.2,0.2", "--config.evaluation.flip=True"]  # fmt: skip
    assert script("train", *SMOKE, *flags, "--config.epochs=2") == 0
    expected = table(tmp_path / "run" / "predictions.csv")
    assert len(expected) % 7 and json.loads((tmp_path / "run" / "summary.json").read_text())["temperature"] != 1.0
    capsys.readouterr()
    assert script("predict", f"--run={tmp_path / 'run'}", *(folder / row["path"] for row in expected)) == 0
    for row, one in zip(csv.DictReader(io.StringIO(capsys.readouterr().out)), expected, strict=True):
        assert (row["path"], row["label"]) == (str(folder / one["path"]), one["predicted"])
        assert float(row["probability"]) == pytest.approx(float(one["probability"]), abs=2e-6)


def test_evaluate_knows_its_own_split_by_content(run, capsys):
    workdir, photos = run
    for split, count in (("train", 72), ("validation", 9), ("test", 9)):
        assert script("evaluate", f"--run={workdir}", f"--data={photos}", f"--split={split}") == 0
        assert json.loads(capsys.readouterr().out)["examples"] == count


def test_evaluate_refuses_a_class_that_it_does_not_know_and_misses_none(moved, capsys):
    elsewhere, copy, _ = moved
    shutil.rmtree(copy / "five_petals")
    assert script("evaluate", f"--run={elsewhere}", f"--data={copy}") == 0
    assert json.loads(capsys.readouterr().out)["per_class"]["five_petals"]["support"] == 0
    (copy / "three_petals").rename(copy / "clover")
    assert script("evaluate", f"--run={elsewhere}", f"--data={copy}") == 2
    assert "the model knows no class clover; it knows eight_petals" in capsys.readouterr().err


def test_predict_goes_on_past_what_it_cannot_read(run, tmp_path, capsys):
    workdir, photos = run
    (tmp_path / "text.jpg").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    good = photos / "five_petals" / "0.png"
    assert script("predict", f"--run={workdir}", tmp_path / "text.jpg", good, tmp_path / "pipe", tmp_path / "none") == 0
    out, error = capsys.readouterr()
    assert [row["path"] for row in csv.DictReader(io.StringIO(out))] == [str(good)]
    assert error.splitlines() == [
        f"{tmp_path}/text.jpg: not an image of a known format",
        f"{tmp_path}/pipe: not a regular file",
        f"{tmp_path}/none: no such file",
    ]
    assert script("predict", f"--run={workdir}", tmp_path / "text.jpg") == 2
    assert "none of 1 files could be read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["predict", "evaluate"])
def test_what_is_no_run_is_exit_2(tmp_path, capsys, name):
    assert script(name, f"--run={tmp_path}", *(["x.jpg"] if name == "predict" else ["--data=x"])) == 2
    assert "no run directory" in capsys.readouterr().err


def test_predict_into_a_closed_pipe_is_no_failure(run):
    workdir, photos = run
    command = f"{sys.executable} scripts/predict.py --run={workdir} {photos}/*/*.png | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("path,label") and "Error" not in done.stderr


@pytest.mark.parametrize("mode", ["copy", "hardlink", "symlink"])
def test_split_writes_the_division_that_training_makes(run, tmp_path, capsys, mode):
    workdir, photos = run
    out = tmp_path / "divided"
    assert script("split", photos, f"--out={out}", f"--mode={mode}") == 0
    printed = capsys.readouterr().out
    assert f"72  {out}/train" in printed and f"9  {out}/test" in printed
    written = {str(p.relative_to(out)) for p in out.rglob("*.png")}
    expected = {f"{r['split']}/{r['path']}" for r in table(workdir / "splits.csv")}
    assert written == expected
    one = out / sorted(written)[0]
    assert one.is_symlink() == (mode == "symlink") and one.lstat().st_nlink == (2 if mode == "hardlink" else 1)
    data = [f"--config.data.dir={out}", f"--config.data.follow_links={mode == 'symlink'}", "--config.epochs=1"]
    assert script("train", *SMOKE, *data, f"--workdir={tmp_path / 'run'}") == 0
    assert ["all", "classes", "72", "9", "9", "90"] in [line.split() for line in capsys.readouterr().out.splitlines()]


def test_split_mistakes(run, tmp_path, capsys):
    _, photos = run
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    before = tree(tmp_path)
    for flags, words in (
        ([photos, f"--out={tmp_path / 'full'}"], "exists already"),
        ([photos, f"--out={tmp_path / 'o'}", "--split=1,2"], "three fractions"),
        ([photos, f"--out={tmp_path / 'o'}", "--split=a,b,c"], "three fractions"),
        ([tmp_path / "none", f"--out={tmp_path / 'o'}"], "no such folder"),
        ([photos, "--out=/proc/flowers"], "cannot be written"),
        ([photos, f"--out={photos}/out"], "would become a class"),
    ):
        assert script("split", *flags) == 2
        assert words in capsys.readouterr().err
    assert tree(tmp_path) == before
