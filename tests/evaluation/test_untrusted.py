"""A run directory from elsewhere, whose sums its maker made fit: nothing of it is executed, nothing outside is read."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.run import seal
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.storage.fetch import sha256_of
from flowers_jax.training.loop import fit
from tests.conftest import ROOT, smoke_config


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = tmp_path_factory.mktemp("made") / "run"
    config = smoke_config()
    config.epochs = 1
    fit(config, run)
    return run


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


class Canary:
    def __reduce__(self):
        return os.system, ("touch canary",)


def reseal(run):
    seal.write(run, {name: sha256_of(run / name) for name in seal.read(run)})
    for checkpoint in (run / "checkpoints").iterdir():
        seal.seal(checkpoint)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "os.system"},
        {"name": "seed_cnn", "fields": {"dtype": "float32", "__class__": "x"}},
        {"fields": {"dtype": "__import__('os').system('touch canary')"}},
        {"fields": {"dtype": "object"}},
        {"classes": 7},
        {"preprocessing": {"size": 28}},
        {"preprocessing": None},
    ],
)
def test_a_description_is_data(run, monkeypatch, tmp_path, changes):
    monkeypatch.chdir(tmp_path)
    (run / "model.json").write_text(json.dumps(json.loads((run / "model.json").read_text()) | changes))
    reseal(run)
    with pytest.raises(UsageError, match=r"model\.json: not a model of this version"):
        trained_model.load(str(run))
    assert not (tmp_path / "canary").exists()


def test_a_description_of_another_model_is_refused(run):
    (run / "model.json").write_text(json.dumps(json.loads((run / "model.json").read_text()) | {"classes": ["a", "b"]}))
    reseal(run)
    command = [sys.executable, "scripts/predict.py", f"--run={run}", "README.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "checkpoints/1 was not written by this version" in done.stderr


def test_a_config_is_data(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(values | {"data.dir": 1, "seed": "__import__('os')"}))
    reseal(run)
    with pytest.raises(UsageError, match=r"config\.json was not written by this version"):
        trained_model.load(str(run))


LOAD_WITH_PICKLES = """
import contextlib, pickle, sys
from pathlib import Path
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import trained_model
from tests.evaluation.test_untrusted import Canary, reseal

run = Path(sys.argv[1])
files = [path for path in (run / "checkpoints" / "1").rglob("*") if path.is_file()]
for file in files:
    if file.name == "manifest.json":
        continue
    whole = file.read_bytes()
    file.write_bytes(pickle.dumps(Canary()))
    reseal(run)
    with contextlib.suppress(UsageError):  # what is not needed for predicting may be anything
        trained_model.load(str(run))
    assert not Path("canary").exists(), file
    file.write_bytes(whole)
reseal(run)
print(trained_model.load(str(run)).classes)
"""


def test_a_pickle_in_any_place_of_a_checkpoint_is_not_loaded(run, tmp_path):
    """In a process of its own: orbax leaves coroutines behind where it fails, of which Python complains later."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LOAD_WITH_PICKLES, run]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "three_petals" in done.stdout, done.stderr


def test_a_checkpoint_elsewhere_is_not_read(run, tmp_path):
    shutil.move(run / "checkpoints" / "1", tmp_path / "elsewhere")
    (run / "checkpoints" / "1").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(DamageWarning, match="checkpoints/1 is skipped: it is a link"):
        assert Checkpoints(run).usable() is None
