"""Batches, states and steps, without a loop around them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from flowers_jax.augment import Augment, Generator
from flowers_jax.data.loader import SplitArrays
from flowers_jax.models.initial import initial_variables
from flowers_jax.runtime import parallel
from flowers_jax.training import feed
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


def run_resident(state, batches, devices, calls=(1, 2), **options):
    """As `run`, with the images of all batches on the devices, and so many steps in each of the `calls`.

    What fills the last batch must be the first rows of the first one.
    """
    devices, size = jax.local_devices()[:devices], len(batches[0]["label"])
    state = parallel.replicate(jax.device_get(state), devices)
    steps = feed.several(partial(train_step, **options))
    call = parallel.map_step(steps, devices, donate_state=True, divided=feed.DIVIDED)
    images, labels, mask = (np.concatenate([one[name] for one in batches]) for name in ("image", "label", "mask"))
    stored = np.random.default_rng(0).permutation(len(labels))
    part = feed.placed(SplitArrays(images[stored], labels[stored]), devices)
    counts, order, sums = iter(calls), np.argsort(stored)[: mask.sum()], {}
    with jax.transfer_guard("disallow"):
        for given, _ in feed.resident(part, order, size, 0, devices, lambda _: next(counts)):
            state, sums = call(state, given)
    last = {name: leaf[calls[-1] - 1] for name, leaf in jax.device_get(sums).items()}
    return jax.device_get(state), last


def run(state, batches, devices, **options):
    devices = jax.local_devices()[:devices]
    state = parallel.replicate(jax.device_get(state), devices)
    step = parallel.map_step(partial(train_step, **options), devices, donate_state=True)
    metrics = {}
    with jax.transfer_guard("disallow"):
        for one in batches:
            state, metrics = step(state, parallel.shard(one, devices))
    return jax.device_get(state), jax.device_get(metrics)
