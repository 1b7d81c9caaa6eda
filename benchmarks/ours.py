"""The project's own training step and prediction, as `training.loop` and `evaluation` run them."""

from functools import partial

import jax
import numpy as np

from benchmarks import CLASSES, LEARNING_RATE, SIZES
from benchmarks.program import Program
from flowers_jax import augment, models
from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.evaluation.predict import make_predictor
from flowers_jax.models.initial import initial_variables
from flowers_jax.optimizers import find, make_optimizer
from flowers_jax.runtime import parallel
from flowers_jax.training import setup
from flowers_jax.training.checkpoint import initial_state
from flowers_jax.training.step import train_step


def build(model: str, batch: int, convolution: str = "auto") -> Program:
    """On all local devices, everything trainable, from uint8 photographs in host memory."""
    # Without weights BatchNorm takes the batch's statistics, as the peers' does.
    ours = {"model.name": model, "model.weights": "none", "model.freeze": "none", "model.convolution": convolution}
    config, spec = config_lib.replace(Config(), ours), models.find(model)
    fields = setup.module_fields(config, spec)
    devices = parallel.choose_devices(0, batch)
    module = spec.replica(CLASSES, parallel.AXIS, fields)
    preprocessing = models.preprocessing(model, SIZES[model])
    optimizer = make_optimizer(find("adamw"), LEARNING_RATE)
    arguments = {"module": module, "optimizer": optimizer, "preprocessing": preprocessing}
    step = parallel.map_step(
        partial(train_step, augment=augment.from_config(config), batch_norm="batch", **arguments),
        devices,
        donate_state=True,
    )
    variables = initial_variables(module, preprocessing.size, jax.random.key(0))
    state = parallel.replicate(initial_state(variables, optimizer, ()), devices)
    predictor = make_predictor(module, preprocessing, devices)
    stored = parallel.replicate(variables, devices)
    images = np.random.default_rng(0).integers(0, 256, (batch, SIZES[model], SIZES[model], 3), np.uint8)
    examples = {"image": images, "label": np.arange(batch, dtype=np.int32) % CLASSES, "mask": np.ones(batch, bool)}

    def train() -> None:
        nonlocal state
        state, _ = jax.block_until_ready(step(state, parallel.shard(examples, devices)))

    backend, dtype = jax.default_backend(), np.dtype(fields["dtype"]).name
    return Program(train, lambda: predictor(stored, images), backend, dtype, f"jax {jax.__version__}")
