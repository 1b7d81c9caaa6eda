"""The examples of docs/extending.md work: a copy of the package takes their lines and runs them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

TRIAL = """
import numpy as np, jax
from flowers_jax import augment
from flowers_jax.config import load, replace
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.training.loop import fit
from flowers_jax.training.schedule import make_schedule

config = load("configs/smoke.py", [
    ("epochs", "2"), ("schedule.name", "linear"), ("schedule.final", "0.1"), ("augment.random_grey", "0.5"),
    ("augment.horizontal_flip", "False"),
])
schedule = make_schedule(config, 10)
np.testing.assert_allclose([schedule(step) for step in (0, 10, 20)], [1, 0.55, 0.1], rtol=1e-6)

images = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 3), np.uint8)
changed = augment.augment_images(
    jax.random.split(jax.random.key(0), 64), images, augment.from_config(config), Preprocessing(28)
)
grey = np.ptp(changed, axis=3).max((1, 2)) < 1e-3
assert 16 < grey.sum() < 48
np.testing.assert_allclose(changed[grey], np.broadcast_to(images[grey].mean(3, keepdims=True), (grey.sum(), 28, 28, 3)),
                           atol=1e-3)
np.testing.assert_array_equal(changed[~grey], images[~grey])

print(fit(config, "run")["val_accuracy"])
"""


def test_the_examples_run(tmp_path):
    for name in ("flowers_jax", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = re.findall(r"```diff\n\+\+\+ (\S+)\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)
    assert len({path for path, _ in blocks}) == 4
    for path, changes in blocks:
        for change in changes.split("@@\n"):
            apply(tmp_path / path, change)
    done = subprocess.run([sys.executable, "-c", TRIAL], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0 <= float(done.stdout.splitlines()[-1]) <= 1


def apply(path: Path, change: str) -> None:
    """Put lines that begin with + in place, and take those away that begin with -; the others are there."""
    lines = change.splitlines()
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[:1] != sign) for sign in "+-")
    text = path.read_text() if path.exists() else ""
    assert text.count(old) == 1 or not (old or text)
    path.write_text(text.replace(old, new) if old else new)
