"""The project's own training step and prediction, as `training.loop` and `evaluation` run them."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

from benchmarks import CLASSES, LEARNING_RATE, SIZES
from benchmarks.program import Program
from flowers_jax import augment, models
from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.data.loader import Batch, SplitArrays
from flowers_jax.evaluation.predict import make_predictor
from flowers_jax.models.initial import initial_variables
from flowers_jax.optimizers import find, make_optimizer
from flowers_jax.runtime import parallel
from flowers_jax.training import feed, setup
from flowers_jax.training.checkpoint import initial_state
from flowers_jax.training.step import train_step
from flowers_jax.types import Devices

STEPS = 16
"""Of one call of `resident`."""


def build(model: str, batch: int, convolution: str = "auto", steps: int = 1) -> Program:
    """On all local devices, everything trainable, from uint8 photographs in host memory.

    Args:
        steps: more than 1: of a call on photographs that live on the devices.
    """
    # Without weights BatchNorm takes the batch's statistics, as the peers' does.
    ours = {"model.name": model, "model.weights": "none", "model.freeze": "none", "model.convolution": convolution}
    config, spec = config_lib.replace(Config(), ours), models.find(model)
    fields = setup.module_fields(config, spec)
    devices = parallel.choose_devices(0, batch)
    module = spec.replica(CLASSES, parallel.AXIS, fields)
    preprocessing = models.preprocessing(model, SIZES[model])
    optimizer = make_optimizer(find("adamw"), LEARNING_RATE)
    arguments = {"module": module, "optimizer": optimizer, "preprocessing": preprocessing}
    step = partial(train_step, augment=augment.from_config(config), batch_norm="batch", **arguments)
    if steps > 1:
        mapped = parallel.map_step(feed.several(step), devices, donate_state=True, divided=feed.DIVIDED)
    else:
        mapped = parallel.map_step(step, devices, donate_state=True)
    variables = initial_variables(module, preprocessing.size, jax.random.key(0))
    state = parallel.replicate(initial_state(variables, optimizer, ()), devices)
    predictor = make_predictor(module, preprocessing, devices)
    stored = parallel.replicate(variables, devices)
    images = np.random.default_rng(0).integers(0, 256, (batch, SIZES[model], SIZES[model], 3), np.uint8)
    examples = {"image": images, "label": np.arange(batch, dtype=np.int32) % CLASSES, "mask": np.ones(batch, bool)}
    backend, dtype = jax.default_backend(), np.dtype(fields["dtype"]).name
    counted = 0.0 if backend == "cpu" else step_bytes(step, state, examples, devices)
    given = _given(examples, steps, devices)

    def train() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(mapped(state, next(given)))

    version = f"jax {jax.__version__}"
    return Program(train, lambda: predictor(stored, images), backend, dtype, version, steps, counted)


def _given(examples: Batch, steps: int, devices: Devices) -> Iterator[Any]:
    """What each call of the compiled steps is given."""
    while steps == 1:
        yield parallel.shard(examples, devices)
    size = len(examples["label"])
    part = feed.placed(SplitArrays(examples["image"], examples["label"]), devices)
    order = np.tile(np.arange(size), steps)
    yield from itertools.repeat(next(feed.resident(part, order, size, 0, devices, lambda _: steps)).given)


def step_bytes(step: Callable[..., Any], state: Any, examples: Batch, devices: Devices) -> float:
    """Bytes that a step on a device reads and writes: the sum over the operations that XLA makes of it."""
    program = parallel.jit_shard_map(step, devices).lower(state, parallel.shard(examples, devices)).compile()
    return program.cost_analysis()["bytes accessed"]


def resident(model: str, batch: int) -> Program:
    """As `build`, with `data.cache=device`."""
    return build(model, batch, steps=STEPS)


def xla(model: str, batch: int) -> Program:
    """As `build`, with the backend's convolutions, which are what Flax's `nn.Conv` runs."""
    return build(model, batch, "xla")
