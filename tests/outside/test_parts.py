"""An optimizer, a loss, a metric, a schedule and an augmentation that stand outside the package work by name."""

import json
import subprocess
import sys

import pytest

from flowers_jax import config as config_lib
from flowers_jax.errors import UsageError
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from tests.conftest import ROOT, drawn_flowers, smoke_config
from tests.outside import parts

FILE = parts.__file__
PARTS = {
    "optimizer.name": f"{FILE}:HEAVY_BALL", "optimizer.options.momentum": 0.8, "loss.name": f"{FILE}:squared_error",
    "metrics": (f"{FILE}:WORST_CLASS",), "checkpoint.monitor": "val_worst_class", "schedule.name": f"{FILE}:halves",
    "augment.name": f"{FILE}:darker",
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    folder = drawn_flowers(root / "flowers")
    config = smoke_config()
    config.data.dir, config.epochs, config.learning_rate = str(folder), 2, 0.1
    config = config_lib.replace(
        config_lib.validate(config), {name: v for name, v in PARTS.items() if "options" not in name}
    )
    config = config_lib.replace(config, PARTS)
    return root, folder, config, fit(config, root / "run")


def test_each_of_them_has_an_effect(run):
    root, _, config, summary = run
    rows = RunDirectory(root / "run").read_csv("metrics.csv")
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == pytest.approx([0.1, 0.05])
    assert summary["best_epoch"] == max((1, 2), key=lambda epoch: float(rows[epoch - 1]["val_worst_class"]))
    for name in ("optimizer.name", "loss.name", "augment.name"):
        other = config_lib.replace(config, {name: config_lib.KEYS[name].default})
        fit(other, root / name)
        assert RunDirectory(root / name).read_csv("metrics.csv")[0]["train_loss"] != rows[0]["train_loss"]


def test_evaluation_wants_the_code_of_loss_and_metric_again(run):
    root, folder, _, summary = run
    command = [
        sys.executable,
        ROOT / "scripts" / "evaluate.py",
        f"--run={root / 'run'}",
        f"--data={folder}",
        "--split=test",
    ]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2 and "which never runs without permission" in refused.stderr
    codes = [f"--code={FILE}:squared_error", f"--code={FILE}:WORST_CLASS"]
    done = subprocess.run([*command, *codes], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    assert 0 <= report["metrics"]["worst_class"] <= 1
    image = next(folder.rglob("*.png"))
    predicted = subprocess.run([sys.executable, ROOT / "scripts" / "predict.py", f"--run={root / 'run'}", image])
    assert predicted.returncode == 0  # needs no code: the model is the package's own


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [
        ("optimizer.name", "PARTS", r"is a dict; give a Optimizer, or a function from a learning rate"),
        ("loss.name", "PARTS", r"is a dict; give a Loss, or a function \(logits, targets\)"),
        ("optimizer.name", "nothing", r"has no nothing"),
    ],
)
def test_what_is_no_part_is_refused(key, name, words):
    with pytest.raises(UsageError, match=rf"--config\.{key}=.*: .*{words}"):
        config_lib.load("smoke", {key: f"{__file__}:{name}"})


@pytest.mark.parametrize(
    ("key", "name", "words"),
    [
        ("optimizer.name", "adamv", "must be one of adamw, .*; did you mean adam?"),
        ("loss.name", "FOCL", "did you mean focal?"),
        ("schedule.name", "cosin", "did you mean cosine?"),
        ("augment.name", "grayscal", "did you mean grayscale?"),
        ("optimizer.options.momentun", "0.5", "adamw has no such option; its options are b1, b2, eps, nesterov"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(key, name, words):
    with pytest.raises(UsageError, match=words.replace("?", r"\?")) as refused:
        config_lib.load("smoke", {key: name})
    assert "\n" not in str(refused.value)
