"""`train.py`: what it prints and writes, its refusals, and stopping it."""

import shutil
import signal
import subprocess
import sys
import time

import pytest

from flowers_jax import cli
from flowers_jax import config as config_lib
from flowers_jax.run.directory import RunDirectory
from tests.conftest import ROOT, png
from tests.scripts.commands import SMOKE, script, table, tree

MOBILENET = ["--config.model.name=mobilenet_v2", "--config.data.image_size=32"]
CROP = ["--config.augment.crop_scale=0.5,1"]


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
        (
            ["--config.batch_size=8", "--config.accumulate=3"],
            "8 is not divisible by the 1 devices times --config.accum",
        ),
        (["--processes=0"], "--processes=0: must be at least 1"),
        (["--coordinator=host:1", "--processes=2", "--process=2"], "=2: must be at least 0, and below --processes=2"),
        (["--coordinator=host"], "--coordinator=host: must be HOST:PORT"),
        (["--heartbeat=10"], "--heartbeat=10: must be at least 1, beside --distributed or --coordinator"),
        ([*MOBILENET, "--config.model.weights=TMP/text"], "text: not a .safetensors, .pth, .npz or .h5"),
        ([*MOBILENET, "--config.model.weights=TMP/none.pth"], "none.pth: no such file"),
        (["--config.model.name=mobilenet_v2", "--config.data.image_size=28"], "mobilenet_v2 needs at least 32"),
        ([*MOBILENET, *CROP, "--config.augment.crop_size=28"], "crop_size=28: mobilenet_v2 needs at least 32"),
        (
            [*MOBILENET, *CROP, "--config.augment.crop_size=32", "--config.model.options.head=flatten256"],
            "flatten256 takes",
        ),
        ([*CROP, "--config.augment.crop_size=20"], "crop_size=20: seed_cnn takes only images of"),
        (["--config.augment.crop_size=20"], "crop_size=20: nothing is cropped; give 0, or"),
        ([*MOBILENET, "--config.transfer.views=2"], "views=2: the backbone trains, so its features change; give 0"),
        (
            [*MOBILENET, "--config.model.freeze=backbone", "--config.transfer.epochs=2"],
            "epochs=2: with --config.model.freeze=backbone the head trains alone all along",
        ),
        (["--config.transfer.views=2"], "transfer.views=2: seed_cnn has no backbone; give 0"),
        (["--config.model.dropout=0.5"], "model.dropout=0.5: seed_cnn has no field dropout; give 0.0"),
        (
            [*MOBILENET, "--config.model.freeze=backbone", "--config.transfer.views=1", "--config.augment.mixup=0.2"],
            "augment.mixup=0.2: features that are computed once are not mixed; give 0",
        ),
        (["--config.data.fold=2"], "data.fold=2: changes nothing without --config.data.folds; give 1"),
        ([*CROP, "--config.data.crop=0.01"], "data.crop=0.01: with --config.augment.crop_scale photographs keep their"),
        (["--config.model.freeze=backbone"], "seed_cnn has no backbone; give --config.model.freeze=none"),
        (["--workdir=TMP/text"], "is a file"),
        (["--workdir=TMP/foreign"], "holds no run"),
        (["--workdir=TMP/other"], "belongs to a run with another config: seed (1 -> 0)"),
        (["--workdir=/proc/run"], "cannot be written"),
        (["--config=TMP/none.py"], "no such file"),
        (["--workdri=TMP/run"], "unrecognized arguments: --workdri="),
        (["TMP/none"], "none: no such folder; a folder of class folders is needed"),
        (["one", "two"], "unrecognized arguments: two"),
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
        config = config_lib.load("configs/smoke.py", [("seed", "1"), ("devices", "1")])
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


@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_ctrl_c_and_again(tmp_path, capsys, signum, status):
    """A process that is stopped; this one goes on."""
    flags = [*SMOKE, "--config.epochs=15", f"--workdir={tmp_path / 'run'}"]
    command = [sys.executable, "scripts/train.py", *flags]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / "metrics.csv").is_file():
        assert first.poll() is None
        time.sleep(0.05)
    first.send_signal(signum)
    _, error = first.communicate(timeout=60)
    assert first.returncode == status
    assert f"with --workdir={tmp_path / 'run'} goes on from here" in error and "Traceback" not in error
    done = len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) - 1
    assert 0 < done < 15
    assert script("train", *flags) == 0
    again = capsys.readouterr().out
    assert "\nresumed  at epoch" in again
    assert f"epoch {done:>3}  train" not in again
    epochs = [row["epoch"] for row in table(tmp_path / "run" / "metrics.csv")]
    assert epochs == [str(e) for e in range(1, len(epochs) + 1)]


@pytest.mark.parametrize("name", ["train", "evaluate", "predict", "check", "split"])
def test_help(name, capsys):
    assert script(name, "--help") == 0
    assert f"python scripts/{name}.py" in capsys.readouterr().out
