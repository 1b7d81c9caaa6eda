"""The examples of docs/extending.md work: a copy of the package takes their lines and runs them."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, drawn_flowers

PAGE = (ROOT / "docs" / "extending.md").read_text()

TRIAL = """
import sys
import numpy as np, jax
from flowers_jax import augment
from flowers_jax.config import load
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.schedules import make_schedule

schedule = make_schedule(load("configs/smoke.py", {"epochs": 2, "schedule.name": "linear", "schedule.final": 0.1}), 10)
np.testing.assert_allclose([schedule(step) for step in (0, 10, 20)], [1, 0.55, 0.1], rtol=1e-6)

config = load("configs/smoke.py", {"augment.name": "my_parts.py:negative", "augment.horizontal_flip": False})
images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 3), np.uint8)
keys = jax.random.split(jax.random.key(0), 64)
changed = augment.augment_images(keys, images, augment.from_config(config), Preprocessing(28))
turned = (np.asarray(changed) == 255 - images.astype(np.float32)).all((1, 2, 3))
assert 16 < turned.sum() < 48
np.testing.assert_array_equal(changed[~turned], images[~turned])
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with the examples."""
    root = tmp_path_factory.mktemp("copy")
    for name in ("flowers_jax", "configs", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    diffs = re.findall(r"```diff\n\+\+\+ (\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert len(diffs) == 2
    for path, changes in diffs:
        apply(root / path, changes)
    for path, content in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (root / path).write_text(content)
    return root


def python(copy: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_do_what_is_said(copy):
    python(copy, "-c", TRIAL)


def test_the_command_with_every_part_trains_and_evaluates(copy):
    (command,) = re.findall(r"```text\npython (scripts/train\.py [^`]*my_parts[^`]*)```", PAGE)
    (codes,) = re.findall(r"`(--code=my_parts\.py:POWER\s+--code=\S+)`", PAGE)
    drawn_flowers(copy / "flowers")
    few = ("--config.epochs=2", "--config.data.dir=flowers", "--workdir=run")
    python(copy, *command.replace("\\\n", " ").split(), *few)
    with (copy / "run" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [0 <= float(row["val_least_recall"]) <= 1 for row in rows] == [True, True]
    report = json.loads(python(copy, "scripts/evaluate.py", "--run=run", "--data=flowers", *codes.split()))
    assert 0 <= report["metrics"]["least_recall"] <= 1


def test_the_data_source_trains_and_is_evaluated(copy):
    drawn_flowers(copy / "zipped")
    shutil.make_archive(str(copy / "flowers"), "zip", copy / "zipped")
    (commands,) = re.findall(r"```text\n(python \S+train\.py [^`]*my_source\.py.*?)```", PAGE, re.DOTALL)
    train, evaluate = (command.split()[1:] for command in commands.splitlines())
    python(copy, *train, "--config.epochs=1")
    assert json.loads(python(copy, *evaluate))["parts"] == {"train": 0, "validation": 0, "test": 6, "other": 0}


def apply(path: Path, change: str) -> None:
    """Put lines that begin with + in place, and take those away that begin with -; the others are there."""
    lines = change.splitlines()
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[:1] != sign) for sign in "+-")
    text = path.read_text() if path.exists() else ""
    assert text.count(old) == 1 or not (old or text)
    path.write_text(text.replace(old, new) if old else new)
