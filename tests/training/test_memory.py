"""What decoded photographs take is known, said and refused before any is decoded."""

import weakref
from types import SimpleNamespace

import flax.linen as nn
import numpy as np
import psutil
import pytest

from flowers_jax import config as config_lib
from flowers_jax import models
from flowers_jax.data import decoded_file, loader, memory
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import Interrupted, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.evaluate import evaluate
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training import features
from flowers_jax.training import setup as prepare_module
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import Job, prepare
from tests.training.runs import state_bytes, timeless

PHOTOGRAPH = 28 * 28 * 3
WITH_MARGINS = 56 * 56 * 3


@pytest.fixture
def available(monkeypatch):
    def set_to(count: int) -> None:
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=count))

    return set_to


def prepared(config, tmp_path) -> Job:
    return prepare(config_lib.validate(config), RunDirectory(tmp_path / "none"), begun=False)


def decoded_size(config, tmp_path) -> int:
    return prepared(config, tmp_path).decoded_size


def cropped(config):
    config.data.crop, config.augment.crop_scale = 0.5, (0.5, 1.0)


def frozen(config):
    config.model.name, config.model.options.alpha, config.model.freeze = "mobilenet_v2", 0.35, "backbone"
    config.data.image_size, config.data.crop, config.augment.crop_scale = 32, 0.5, (0.5, 1.0)


@pytest.mark.parametrize("normalize", ["featurewise", pytest.param("auto", marks=pytest.mark.slow)])
def test_the_size_is_that_of_what_is_decoded(smoke, tmp_path, monkeypatch, capsys, normalize):
    cropped(smoke)
    smoke.epochs, smoke.data.normalize, held = 1, normalize, {}
    fill = loader._fill

    def watched(target, *rest):
        held[target.shape] = target.nbytes
        fill(target, *rest)

    monkeypatch.setattr(loader, "_fill", watched)
    fit(smoke, tmp_path / "run")
    held.pop((96, 28, 28, 3), None)  # which only gave its mean
    assert list(held) == [(96, 56, 56, 3), (12, 28, 28, 3)]
    expected = 96 * WITH_MARGINS + 24 * PHOTOGRAPH  # validation and test have the same shape
    assert decoded_size(smoke, tmp_path) == expected
    assert f"\nmemory   {expected / 1e6:.1f} MB of decoded photographs\n" in capsys.readouterr().out


def test_features_are_of_one_part_at_a_time(smoke, tmp_path, monkeypatch):
    frozen(smoke)
    monkeypatch.setattr(
        prepare_module, "initial_variables", lambda *_: {"params": {"head": {}}}
    )  # of no matter here, and slow
    monkeypatch.setattr(prepare_module, "check_parameters", lambda *_: None)
    assert decoded_size(smoke, tmp_path) == (96 * 64 * 64 + 24 * 32 * 32) * 3
    margins = smoke.augment.crop_scale
    for smoke.transfer.views, smoke.augment.crop_scale, side in ((2, margins, 64), (1, (1.0, 1.0), 32)):
        assert decoded_size(smoke, tmp_path) == 96 * side * side * 3
    smoke.model.freeze, smoke.transfer.epochs, smoke.augment.crop_scale = "none", 1, margins
    assert decoded_size(smoke, tmp_path) == (96 * 64 * 64 + 24 * 32 * 32) * 3


def test_features_never_hold_two_parts(smoke, monkeypatch):
    alive, most = [], []

    def watched(_config, _dataset, _split, preprocessing):
        images = np.zeros((4, preprocessing.size, preprocessing.size, 3), np.uint8)
        alive[:] = [one for one in alive if one() is not None]
        alive.append(weakref.ref(images))
        most.append(len(alive))
        return loader.SplitArrays(images, np.zeros(4, np.int32))

    monkeypatch.setattr(features, "split_arrays", watched)
    nothing = (
        Dataset("", "", (), (), lambda _: b""),
        models.find("mobilenet_v2"),
        nn.Module(),
        {"params": {"backbone": {}}},
    )
    cache = features.FeatureCache(config_lib.validate(smoke), *nothing, Preprocessing(32), ())
    for split, size in (("train", 32), ("train", 64), ("train", 64), ("validation", 32), ("test", 32)):
        assert cache._decoded(split, Preprocessing(size)).images.shape == (4, size, size, 3)
    assert most == [1, 1, 1, 1]


@pytest.mark.parametrize("normalize", ["auto", "featurewise"])
def test_more_than_there_is_is_refused_before_anything_is_decoded_or_written(
    smoke, tmp_path, monkeypatch, available, normalize
):
    smoke.data.normalize, smoke.data.cache = normalize, "memory"
    needed = 120 * PHOTOGRAPH
    available(needed - 1)
    with monkeypatch.context() as context, pytest.raises(UsageError) as refused:
        context.setattr(loader, "_fill", None)
        fit(smoke, tmp_path / "run")
    assert str(refused.value) == (
        "--config.data.image_size=28: the decoded photographs take 0.3 MB of memory, of which 0.3 MB are free; give a "
        "smaller one, or --config.data.cache=auto, which keeps them in a file then"
    )
    assert not (tmp_path / "run").exists()
    available(needed)
    assert decoded_size(smoke, tmp_path) == needed


def test_where_auto_keeps_photographs():
    assert memory.place("auto", 1) == "memory"
    assert memory.place("auto", 1, shared=True) == "disk"
    assert memory.place("auto", 10, 10) == "device" and memory.place("auto", 11, 10) == "memory"
    assert [memory.place(cache, 1, 0, shared=True) for cache in ("memory", "device")] == ["memory", "device"]


def test_a_file_takes_what_the_memory_has_no_room_for(whole, smoke, tmp_path, available, stop_after, capsys):
    """A run from the file that is interrupted within its first and its second epoch is one from memory."""
    needed = 120 * PHOTOGRAPH
    for free, cache in ((2 * needed, "memory"), (2 * needed - 1, "disk"), (0, "disk")):
        available(free)
        assert prepared(smoke, tmp_path).config.data.cache == cache
    for steps in (4, 5):
        stop_after(steps)
        with pytest.raises(Interrupted):
            fit(smoke, tmp_path / "run")
    fit(smoke, tmp_path / "run")
    assert f"\ndisk     0.3 MB of decoded photographs\n         {decoded_file.folder()}\n" in capsys.readouterr().out
    assert timeless(tmp_path / "run") == timeless(whole)
    assert state_bytes(tmp_path / "run") == state_bytes(whole)


def test_an_evaluation_too(smoke, tmp_path, folder, available):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    model = trained_model.load(str(tmp_path / "run"))
    reports = []
    for free in (120 * PHOTOGRAPH, 120 * PHOTOGRAPH - 1):
        available(free)
        before = set(decoded_file.folder().glob("*.pixels"))
        reports.append(evaluate(model, str(folder)))
    (_,) = set(decoded_file.folder().glob("*.pixels")) - before
    assert reports[0] == reports[1] and reports[0]["examples"] == 60
