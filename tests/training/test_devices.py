"""One, two, four and eight devices train alike."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import models
from flowers_jax.augment import Augment, Generator
from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.models.layers import ConvNorm, Dropout, drop_path, example_keys
from flowers_jax.models.mobilenet_v2 import MobileNetV2
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training.loop import fit
from tests.training.steps import MIX, batch, run, start

FLIP = Augment(Generator(horizontal_flip=True))


class OwnLayers(nn.Module):
    """A model of our own layers that know of the devices: BatchNorm, and what drops paths and single features."""

    num_classes: int = 3

    @nn.compact
    def __call__(self, x, train=False):
        y = ConvNorm(16, 3, 2, axis_name=parallel.AXIS)(x, train)
        if train:
            y = drop_path(y, 0.5, example_keys(self, len(y), parallel.AXIS))
        y = Dropout(0.5, parallel.AXIS)(nn.relu(nn.Dense(16)(y)).mean((1, 2)), train)
        return nn.Dense(self.num_classes, name="head")(y)


DROPS = {"alpha": 0.35, "dropout": 0.5, "stochastic_depth": 0.5}


@pytest.mark.parametrize(
    ("module", "augment", "counts"),
    [
        (OwnLayers(), FLIP, (1, 2, 4, 8)),
        (models.create("seed_cnn", 3), MIX, (1, 8)),
        pytest.param(models.create("seed_cnn", 3), MIX, (1, 2, 4), marks=pytest.mark.slow),
        pytest.param(models.create("cnn", 3, axis_name=parallel.AXIS), FLIP, (1, 2, 4, 8), marks=pytest.mark.slow),
        *(
            pytest.param(
                models.create("mobilenet_v2", 3, axis_name=parallel.AXIS, batch_norm=norm, **DROPS), FLIP, (1, 2, 4, 8),
                marks=pytest.mark.slow,
            )
            for norm in ("batch", "stored")
        ),
    ],
    ids=["own layers", "seed_cnn", "seed_cnn few", "cnn", "mobilenet batch", "mobilenet stored"],
)  # fmt: skip
def test_one_two_four_and_eight_devices_train_alike(module, augment, counts):
    # Adam would divide rounding errors by themselves; fifty layers on the statistics of 16 places magnify them.
    optimizer = optax.sgd(1e-3 if isinstance(module, MobileNetV2) else 0.1)
    batches = [batch(16, seed=seed) for seed in range(3)]
    batches[2]["mask"][11:] = False
    results = [
        run(start(module, optimizer), batches, n, module=module, optimizer=optimizer, preprocessing=Preprocessing(32),
            augment=augment, seed=3)
        for n in counts
    ]  # fmt: skip
    first_state, first_metrics = results[0]
    assert first_metrics["examples"] == 11
    for state, metrics in results[1:]:
        assert metrics["loss"] == pytest.approx(first_metrics["loss"], rel=1e-5)
        for part in ("params", "batch_stats"):
            close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
            jax.tree.map(close, getattr(state, part), getattr(first_state, part))


class OwnStatistics(nn.Module):
    """What nobody can see: a mean over the batch that each device takes of its own share."""

    num_classes: int

    @nn.compact
    def __call__(self, x, train):
        mean = self.variable("batch_stats", "mean", jnp.zeros, (3,))
        if train and not self.is_initializing():
            mean.value = x.mean((0, 1, 2))
        return nn.Dense(self.num_classes, name="head")(x.mean((1, 2)) - mean.value)


class PlainNorm(OwnStatistics):
    """Flax's BatchNorm as the tutorials have it."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.BatchNorm(use_running_average=not train, name="norm")(x)
        return nn.Dense(self.num_classes, name="head")(x.mean((1, 2)))


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (
            PlainNorm,
            UsageError,
            r"model\.name=.*:PlainNorm: its nn\.BatchNorm norm has no axis_name, .* 2 devices.*devices=1",
        ),
        (OwnStatistics, TrainingError, r"after a step batch_stats/mean differs between the devices.*lax\.pmean"),
    ],
    ids=["nn.BatchNorm", "another"],
)
def test_devices_with_statistics_of_their_own_are_refused(module, error, message, smoke, tmp_path):
    smoke.model.name, smoke.devices, smoke.epochs = f"{__name__}:{module.__name__}", 2, 1
    with pytest.raises(error, match=message):
        fit(smoke, tmp_path / "two")
    assert (tmp_path / "two").exists() == (error is TrainingError)
    smoke.devices = 1
    assert fit(smoke, tmp_path / "one")["test_examples"]


def test_devices_that_do_not_fit_are_refused():
    assert len(parallel.choose_devices(0, 16)) == 8
    assert len(parallel.choose_devices(2, 16)) == 2
    with pytest.raises(UsageError, match=r"batch_size 12 is not divisible by the 8 devices.*=16"):
        parallel.choose_devices(0, 12)
    with pytest.raises(UsageError, match=r"config\.devices is 9, but JAX sees 8 cpu"):
        parallel.choose_devices(9, 18)


def test_eight_devices_flip_the_same_images_as_one():
    """The draw belongs to the example, not to the device that has it."""
    from jax import lax

    from flowers_jax.training import step as step_module

    def keys(_state, one):
        rows = lax.axis_index(parallel.AXIS) * len(one["label"]) + jnp.arange(len(one["label"]))
        mine = step_module._example_keys(0, jnp.int32(3), rows)
        return _state, lax.all_gather(jax.random.key_data(mine), parallel.AXIS, tiled=True)

    drawn = []
    for n in (1, 4, 8):
        devices = jax.local_devices()[:n]
        mapped = parallel.map_step(keys, devices, donate_state=False)
        state = parallel.replicate(jnp.zeros(()), devices)
        drawn.append(np.asarray(mapped(state, parallel.shard(batch(16), devices))[1]))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert len(np.unique(drawn[0], axis=0)) == 16
