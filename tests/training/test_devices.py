"""One, two, four and eight devices train alike."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import models, parallel
from flowers_jax.data.augment import Augment, Generator
from flowers_jax.errors import UsageError
from flowers_jax.models.preprocessing import Preprocessing
from tests.training.steps import MIX, batch, run, start

FLIP = Augment(Generator(horizontal_flip=True))


@pytest.mark.parametrize(
    ("name", "augment", "counts"),
    [
        ("seed_cnn", MIX, (1, 2, 4, 8)),
        ("cnn", FLIP, (1, 8)),
        pytest.param("cnn", FLIP, (1, 2, 4), marks=pytest.mark.slow),
    ],
)
def test_one_two_four_and_eight_devices_train_alike(name, augment, counts):
    optimizer = optax.sgd(0.1)  # Adam would divide rounding errors by themselves
    module = models.create(name, 3, axis_name=parallel.AXIS)
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
        mapped = parallel.pmap_step(keys, devices, donate_state=False)
        state = parallel.replicate(jnp.zeros(()), devices)
        drawn.append(np.asarray(mapped(state, parallel.shard(batch(16), devices))[1]))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert len(np.unique(drawn[0], axis=0)) == 16
