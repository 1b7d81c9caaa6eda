"""Batches, states and steps, without a loop around them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from flowers_jax.augment import Augment, Generator
from flowers_jax.models.initial import initial_variables
from flowers_jax.runtime import parallel
from flowers_jax.training.state import TrainState, split_params
from flowers_jax.training.step import train_step

MIX = Augment(Generator(horizontal_flip=True, rotation_range=20.0), random_erasing=0.5, mixup=0.4, cutmix=1.0)


def batch(count, size=32, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.integers(0, 256, (count, size, size, 3), np.uint8),
        "label": rng.integers(0, classes, count).astype(np.int32),
        "mask": np.ones(count, bool),
    }


def start(module, optimizer, frozen=(), size=32):
    variables = initial_variables(module, size, jax.random.key(0))
    trainable, _ = split_params(variables["params"], frozen)
    return TrainState(
        jnp.zeros((), jnp.int32), variables["params"], variables["batch_stats"], optimizer.init(trainable)
    )


def run(state, batches, devices, **options):
    devices = jax.local_devices()[:devices]
    state = parallel.replicate(jax.device_get(state), devices)
    step = parallel.map_step(partial(train_step, **options), devices, donate_state=True)
    metrics = {}
    with jax.transfer_guard("disallow"):
        for one in batches:
            state, metrics = step(state, parallel.shard(one, devices))
    return jax.device_get(state), jax.device_get(metrics)
