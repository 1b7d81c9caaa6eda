"""The commands, as a user gives them: what they print, what they write, and how they end."""

import csv
import io
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowers_jax import cli
from tests.conftest import ROOT, png

SMOKE = ["--config=configs/smoke.py", "--config.devices=1"]
MOBILENET = ["--config.model.name=mobilenet_v2", "--config.data.image_size=32"]


def script(name: str, *argv: object) -> int:
    """Run a script's main here, as the shell would; its exit status."""
    before, sys.argv = sys.argv, [name, *map(str, argv)]
    try:
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(ROOT / "scripts" / f"{name}.py"), run_name="__main__")
    finally:
        sys.argv = before
    return left.value.code


@pytest.fixture(autouse=True)
def _in_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, Path]:
    """(run directory, folder) of a real training on a folder of drawn flowers."""
    from flowers_jax.data import procedural

    base = tmp_path_factory.mktemp("trained")
    for kind, name in enumerate(procedural.PETALS):
        (base / "photos" / name).mkdir(parents=True)
        for number in range(30):
            (base / "photos" / name / f"{number}.png").write_bytes(procedural.draw(name, 1000 * kind + number))
    os.chdir(ROOT)
    status = script("train", *SMOKE, f"--config.data.dir={base / 'photos'}", f"--workdir={base / 'run'}")
    assert status == 0
    return base / "run", base / "photos"


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def tree(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--config.data.dir=TMP/none"], "none: no such folder; a folder of class folders is needed"),
        (["--config.data.dir=TMP/empty"], "no usable photograph"),
        (["--config.data.dir=TMP/one"], "has one class only, 'daisy'"),
        (["--config.lerning_rate=1"], "did you mean --config.learning_rate?"),
        (["--config.epochs=ten"], "must be a whole number"),
        (["--config.data.image_size=0"], "image_size=0: must be at least"),
        (["--config.batch_size=-4"], "batch_size=-4: must be at least 1"),
        (["--config.batch_size=9", "--config.devices=2"], "9 is not divisible by the 2 devices"),
        (["--config.devices=64"], "JAX sees 8 cpu"),
        ([*MOBILENET, "--config.model.weights=TMP/text"], "text: not a .safetensors or .pth"),
        ([*MOBILENET, "--config.model.weights=TMP/none.pth"], "none.pth: no such file"),
        (["--config.model.name=mobilenet_v2", "--config.data.image_size=28"], "mobilenet_v2 needs at least 32"),
        (["--config.model.freeze=backbone"], "seed_cnn has no backbone; give --config.model.freeze=none"),
        (["--workdir=TMP/text"], "is a file"),
        (["--workdir=TMP/foreign"], "holds no run"),
        (["--workdir=TMP/other"], "belongs to a run with another config: seed (1 -> 0)"),
        (["--workdir=/proc/run"], "cannot be written"),
        (["--config=TMP/none.py"], "no such file"),
        (["--workdri=TMP/run"], "unrecognized arguments: --workdri="),
        (["extra"], "unrecognized arguments: extra"),
    ],
    ids=lambda value: value[-1].rsplit("=", 1)[0] if isinstance(value, list) else "",
)
def test_mistakes_are_one_line_and_write_nothing(tmp_path, draw, capsys, flags, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "daisy").mkdir(parents=True)
    for number in range(12):
        (tmp_path / "one" / "daisy" / f"{number}.png").write_bytes(png(draw(number)))
    (tmp_path / "text").write_text("no weights")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").touch()
    if "TMP/other" in flags[0]:
        from flowers_jax.run.directory import RunDirectory

        config = runpy.run_path("configs/smoke.py")["get_config"]()
        config.seed, config.devices = 1, 1
        RunDirectory(tmp_path / "other").write_config(config)
    before, runs = tree(tmp_path), tree(ROOT / "runs")
    base = [*SMOKE, "--config.model.freeze=backbone", "--config.image"] if not flags else SMOKE
    status = script(
        "train", *base, f"--workdir={tmp_path}/run", *(flag.replace("TMP", str(tmp_path)) for flag in flags)
    )
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("error: ") and error.count("\n") == 1 and "Traceback" not in error
    assert words in error
    assert tree(tmp_path) == before and tree(ROOT / "runs") == runs


def test_train_alone_names_a_run_directory_of_its_own(monkeypatch, tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    assert script("train", *SMOKE, "--config.epochs=1") == 0
    (made,) = (tmp_path / "runs").iterdir()
    assert made.name.startswith("smoke-") and (made / "summary.json").is_file()
    assert cli.default_workdir("configs/smoke.py", made.name.removeprefix("smoke-")) == f"runs/{made.name}-2"


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_again(tmp_path, signum, status):
    command = [sys.executable, "scripts/train.py", *SMOKE, "--config.epochs=40", f"--workdir={tmp_path / 'run'}"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / "metrics.csv").is_file():
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(signum)
    _, error = first.communicate(timeout=60)
    assert first.returncode == status
    assert f"with --workdir={tmp_path / 'run'} goes on from here" in error and "Traceback" not in error
    done = len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) - 1
    assert 0 < done < 40
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "(resumed at epoch" in again.stdout
    assert f"epoch {done:>3}  train" not in again.stdout
    epochs = [row["epoch"] for row in table(tmp_path / "run" / "metrics.csv")]
    assert epochs == [str(e) for e in range(1, len(epochs) + 1)]


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
    assert report["loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    assert report["per_class"].keys() == set(summary["classes"]) and report["skipped"] == []
    assert report["per_class"]["five_petals"].keys() == {"precision", "recall", "f1", "support"}
    paths = sorted(map(str, copy.rglob("*.png")))
    assert script("predict", f"--run={elsewhere}", *paths) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == ["path", "label", "probability", "label_2", "probability_2", "label_3", "probability_3"]
    assert [row["path"] for row in rows] == paths
    right = [row["label"] == Path(row["path"]).parent.name for row in rows]
    assert sum(right) / len(right) == summary["test_accuracy"]
    for row in rows:
        p = [float(row[name]) for name in ("probability", "probability_2", "probability_3")]
        assert p == sorted(p, reverse=True) and sum(p) == pytest.approx(1, abs=1e-5)


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


def test_check(run, tmp_path, capsys):
    _, photos = run
    assert script("check", photos) == 0
    assert "90 usable photographs of 3 classes, 0 problems" in capsys.readouterr().out
    bad = shutil.copytree(photos, tmp_path / "bad")
    (bad / "five_petals" / "empty.jpg").touch()
    shutil.copy(bad / "five_petals" / "0.png", bad / "three_petals" / "same.png")
    assert script("check", bad) == 3
    assert "five_petals/empty.jpg: empty file" in capsys.readouterr().out
    assert script("check", bad, "--json") == 3
    report = json.loads(capsys.readouterr().out)
    assert report["photographs"] == 91 and report["classes"] == {
        "eight_petals": 30,
        "five_petals": 30,
        "three_petals": 31,
    }
    assert {problem["path"] for problem in report["problems"]} == {
        "five_petals/empty.jpg", "five_petals/0.png", "three_petals/same.png",
    }  # fmt: skip
    assert script("check", tmp_path / "none") == 2
    (tmp_path / "hopeless" / "class").mkdir(parents=True)
    (tmp_path / "hopeless" / "class" / "a.jpg").write_text("x")
    capsys.readouterr()
    assert script("check", tmp_path / "hopeless") == 3
    assert capsys.readouterr().out.splitlines()[:3] == [
        "class/a.jpg: not an image of a known format",
        "class/: class without a usable photograph",
        "./: no usable photograph in class folders",
    ]


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
    assert "90 photographs, 3 classes (72 train, 9 validation, 9 test)" in capsys.readouterr().out


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
        ([photos, f"--out={photos}/out"], "would be taken for a class"),
    ):
        assert script("split", *flags) == 2
        assert words in capsys.readouterr().err
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["train", "evaluate", "predict", "check", "split"])
def test_help(name, capsys):
    assert script(name, "--help") == 0
    assert f"python scripts/{name}.py" in capsys.readouterr().out
