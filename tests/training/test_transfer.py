"""Freezing, cached features and two stages."""

import contextlib
import io
import shutil

import flax.linen as nn
import numpy as np
import pytest
from flax import traverse_util

from flowers_jax import models
from flowers_jax.config import validate
from flowers_jax.errors import Interrupted
from flowers_jax.models.groups import frozen_paths, is_below
from flowers_jax.models.layers import ConvNorm
from flowers_jax.run.directory import RunDirectory
from flowers_jax.storage import fetch
from flowers_jax.training import features
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import prepare
from tests.conftest import smoke_config
from tests.training.runs import rows, state_arrays, state_bytes, timeless


def transfer_config(network):
    """The head for two epochs on three views of each photograph, then everything for two."""
    smoke = smoke_config()
    network(smoke)
    smoke.data.image_size, smoke.data.crop, smoke.epochs, smoke.learning_rate = 40, 1.0, 2, 1e-3
    smoke.transfer.epochs, smoke.transfer.views = 2, 3
    smoke.augment.crop_scale, smoke.augment.crop_size = (0.5, 1.0), 32
    smoke.optimizer.ema, smoke.optimizer.weight_decay, smoke.loss.label_smoothing = 0.9, 0.05, 0.1
    smoke.optimizer.head_multiplier, smoke.optimizer.layer_decay = 10.0, 0.9
    smoke.evaluation.flip = True
    return smoke


@pytest.fixture
def transfer(network):
    return transfer_config(network)


@pytest.fixture(scope="module")
def both_stages(network, tmp_path_factory):
    """(a run of both stages, its summary, what it printed)"""
    run, printed = tmp_path_factory.mktemp("both stages") / "run", io.StringIO()
    with contextlib.redirect_stdout(printed):
        summary = fit(transfer_config(network), run)
    return run, summary, printed.getvalue()


def initial(config):
    """The variables that a run of `config` begins with."""
    return prepare(validate(config), RunDirectory("none"), begun=False).variables


@pytest.fixture
def head_only(transfer):
    transfer.model.freeze, transfer.transfer.epochs = "backbone", 0
    transfer.optimizer.layer_decay = transfer.optimizer.head_multiplier = 1.0
    return transfer


def test_two_stages_leave_two_phases(transfer, both_stages, tmp_path):
    run, summary, printed = both_stages
    table = rows(run)
    second = "train" if transfer.model.weights == "none" else "finetune"
    assert [row["phase"] for row in table] == ["head", "head", second, second]
    assert [row["epoch"] for row in table] == ["1", "2", "3", "4"]
    rates = [float(row["learning_rate"]) for row in table]
    assert rates == pytest.approx([3e-3, 3e-3, 1e-2, 1e-2])  # of the head, which is the fastest
    assert (summary["epochs"], summary["phase_epochs"]) == (4, 2)
    assert summary["images_per_second"] == pytest.approx(
        np.median([float(row["images_per_second"]) for row in table[2:]]), abs=0.01
    )
    assert "head" in printed and second in printed and "frozen" in printed
    transfer.epochs = 3  # of the second stage
    shutil.copytree(run, tmp_path / "run")
    assert fit(transfer, tmp_path / "run")["epochs"] == 5


@pytest.mark.parametrize(
    "steps", [16, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4, 6, 10, 11, 12, 13, 18, 23))]
)
def test_both_stages_go_on_bitwise(transfer, both_stages, tmp_path, stop_after, steps):
    """Six steps an epoch, two epochs a stage: within each, and at their ends."""
    whole, *_ = both_stages
    kept = set((fetch.cache_dir() / "features").iterdir())
    stop_after(steps)
    with pytest.raises(Interrupted):
        fit(transfer, tmp_path / "cut")
    fit(transfer, tmp_path / "cut")
    assert set((fetch.cache_dir() / "features").iterdir()) == kept  # and found its features again
    assert timeless(whole) == timeless(tmp_path / "cut")
    assert state_bytes(whole) == state_bytes(tmp_path / "cut")
    assert (whole / "predictions.csv").read_bytes() == (tmp_path / "cut" / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    "freeze", ["stage_3", *(pytest.param(part, marks=pytest.mark.slow) for part in ("stem", "backbone"))]
)
def test_what_is_frozen_stays_bytewise_and_has_no_optimizer_state(transfer, tmp_path, freeze):
    transfer.transfer.epochs, transfer.transfer.views, transfer.optimizer.ema = 0, 0, 0.0
    transfer.model.freeze, transfer.optimizer.layer_decay = freeze, 1.0
    if freeze == "backbone":  # every BatchNorm is stored, whatever is asked for
        transfer.optimizer.head_multiplier = 1.0
    elif transfer.model.weights != "none":
        transfer.model.batch_norm = "batch"
    before = traverse_util.flatten_dict(initial(transfer), sep="/")
    fit(transfer, tmp_path / "run")
    kept = state_arrays(tmp_path / "run")
    assert kept["model"].keys() == before.keys()
    frozen, changed = frozen_paths(models.find(transfer.model.name).groups, freeze), []
    for path, leaf in kept["model"].items():
        same = leaf.tobytes() == np.asarray(before[path]).tobytes()
        if is_below(path.split("/", 1)[1], frozen):
            assert same, path
        elif not same:
            changed.append(path)
    trained = [path for path in kept["model"] if not is_below(path.split("/", 1)[1], frozen)]
    assert len(changed) > 0.95 * len(trained)
    assert ("batch_stats/backbone/last/mean" in changed) == (freeze != "backbone")
    moments = sum("mu/" in path or "nu/" in path for path in kept["optimizer"])
    assert moments == 2 * sum(path.startswith("params/") for path in trained)
    assert not any(f"u/{part}/" in path for path in kept["optimizer"] for part in frozen)


def test_features_that_are_kept_train_as_photographs_do(head_only, tmp_path):
    """One view, which is what the step sees too when nothing is augmented; features are dropped alike."""
    head_only.transfer.views, head_only.model.dropout = 1, 0.3
    head_only.augment.crop_scale, head_only.augment.crop_size, head_only.augment.horizontal_flip = (1.0, 1.0), 0, False
    fit(head_only, tmp_path / "kept")
    head_only.transfer.views = 0
    fit(head_only, tmp_path / "anew")
    for kept, anew in zip(rows(tmp_path / "kept"), rows(tmp_path / "anew"), strict=True):
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            assert float(kept[name]) == pytest.approx(float(anew[name]), rel=1e-4)
    kept, anew = (state_arrays(tmp_path / name)["model"] for name in ("kept", "anew"))
    np.testing.assert_allclose(kept["params/head/kernel"], anew["params/head/kernel"], rtol=1e-3, atol=1e-4)


@pytest.fixture
def traced(monkeypatch):
    """The augmentation of each trace of the feature extractor."""
    seen, real = [], features.augment_images

    def recorded(keys, images, augment, preprocessing):
        seen.append(augment)
        return real(keys, images, augment, preprocessing)

    monkeypatch.setattr(features, "augment_images", recorded)
    return seen


def test_features_are_computed_once(head_only, tmp_path, monkeypatch, traced):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    fit(head_only, tmp_path / "first")
    assert len(traced) == len(set(traced)) == 2  # of plain photographs and of augmented ones
    files = sorted((fetch.cache_dir() / "features").iterdir())
    assert len(files) == 3 + 2 + 2  # views of train; of validation and test as they are and mirrored
    whole = files[0].read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:]):
        files[0].write_bytes(damaged)
        fit(head_only, tmp_path / f"damaged {len(damaged)}")
        assert files[0].read_bytes() == whole

    def refuse(*_):
        raise AssertionError("computed again")

    with monkeypatch.context() as again:
        again.setattr(features.FeatureCache, "_compute", refuse)
        fit(head_only, tmp_path / "second")
        assert timeless(tmp_path / "first") == timeless(tmp_path / "second")
        head_only.seed = 1  # other examples, other draws
        with pytest.raises(AssertionError, match="computed again"):
            fit(head_only, tmp_path / "third")


def test_a_view_is_named_for_what_decides_it(head_only, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))

    width = len(initial(head_only)["params"]["head"]["kernel"])

    def zeros(self, split, view):
        del view
        count = sum(example.split == split for example in self.dataset.examples)
        return np.zeros((count, width), np.float32)

    monkeypatch.setattr(features.FeatureCache, "_compute", zeros)

    def names():
        fit(head_only, tmp_path / f"run{len(seen)}")
        return {path.name for path in (fetch.cache_dir() / "features").iterdir()}

    seen: list[set[str]] = []
    seen.append(names())
    head_only.learning_rate, head_only.epochs, head_only.optimizer.ema = 1e-2, 1, 0.0
    seen.append(names())
    assert seen[0] == seen[1]  # what trains the head does not decide the features
    head_only.augment.horizontal_flip = False
    seen.append(names())
    assert len(seen[2] - seen[1]) == 2  # the two views that are drawn
    head_only.model.convolution = "xla"
    seen.append(names())
    assert len(seen[3] - seen[2]) == 7


class Normed(nn.Module):
    """A classifier with statistics."""

    num_classes: int
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x, train):
        x = ConvNorm(4, 3, 2, axis_name=self.axis_name, name="stem")(x, train)
        return nn.Dense(self.num_classes, name="head")(x.mean((1, 2)))


def test_the_moving_average_predicts(smoke, tmp_path):
    """The checkpoint's model is the average; what trains lies beside the optimizer's state."""
    smoke.model.name, smoke.epochs, smoke.optimizer.ema = f"{__name__}:Normed", 1, 0.9
    fit(smoke, tmp_path / "run")
    kept = state_arrays(tmp_path / "run")
    average, trained = kept["model"]["params/head/kernel"], kept["optimizer"]["trainable/head/kernel"]
    assert average.shape == trained.shape and not np.allclose(average, trained)
    path = "batch_stats/stem/mean"  # with statistics of its own
    assert not np.array_equal(kept["model"][path], kept["optimizer"][path])
