"""A run directory from elsewhere, whose sums its maker made fit: nothing of it is executed, nothing outside is read."""

import contextlib
import gc
import json
import os
import pickle
import shutil

import pytest

from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained
from flowers_jax.fetch import sha256_of
from flowers_jax.run import seal
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config


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
        {"classes": ["one", "two"]},  # where its checkpoint has three
    ],
)
def test_a_description_is_data(run, monkeypatch, tmp_path, changes):
    monkeypatch.chdir(tmp_path)
    (run / "model.json").write_text(json.dumps(json.loads((run / "model.json").read_text()) | changes))
    reseal(run)
    with pytest.raises(UsageError, match=r"model\.json: no model of this version|checkpoints/1 is of no run of this"):
        trained.load(str(run))
    assert not (tmp_path / "canary").exists()


def test_a_config_is_data(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    values = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(values | {"data.dir": 1, "seed": "__import__('os')"}))
    reseal(run)
    with pytest.raises(UsageError, match=r"config\.json is of no run of this version"):
        trained.load(str(run))


@pytest.mark.filterwarnings("ignore")  # of orbax's coroutines that end early
def test_a_pickle_in_any_place_of_a_checkpoint_is_not_loaded(run, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    files = [path for path in (run / "checkpoints" / "1").rglob("*") if path.is_file() and path.name != seal.NAME]
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(pickle.dumps(Canary()))
        reseal(run)
        with contextlib.suppress(UsageError):  # what is not needed for predicting may be anything
            trained.load(str(run))
        file.write_bytes(whole)
        assert not (tmp_path / "canary").exists(), file
    reseal(run)
    assert trained.load(str(run)).classes
    gc.collect()


def test_a_checkpoint_elsewhere_is_not_read(run, tmp_path):
    shutil.move(run / "checkpoints" / "1", tmp_path / "elsewhere")
    (run / "checkpoints" / "1").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(DamageWarning, match="checkpoints/1 is skipped: it is a link"):
        assert Checkpoints(run).usable() is None
