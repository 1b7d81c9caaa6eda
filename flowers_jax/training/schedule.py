"""Schedules of the learning rate, as factors of the rate of ReduceLROnPlateau."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float32

from flowers_jax.types import Config

Schedule = Callable[[Any], Array]
"""From the number of a step, starting at 0, to a factor, float32 []."""


def constant(step: Any) -> Array:
    """1 at every step."""
    del step
    return jnp.ones((), jnp.float32)


def make_schedule(config: Config, steps_per_epoch: int) -> Schedule:
    """The product of the warm-up and the schedule of `config.schedule`.

    A cosine starts when the warm-up ends (Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983). The others
    count epochs from the first step.
    """
    warmup = round(config.schedule.warmup_epochs * steps_per_epoch)
    decay = _decay(config, steps_per_epoch, warmup)
    begin = warmup if config.schedule.name == "cosine" else 0

    def schedule(step: Any) -> Float32[Array, ""]:
        factor = jnp.asarray(decay(jnp.maximum(step - begin, 0)), jnp.float32)
        return factor * jnp.minimum((step + 1) / warmup, 1) if warmup else factor

    return schedule


def _decay(config: Config, steps_per_epoch: int, warmup: int) -> optax.Schedule:
    name, factor = config.schedule.name, config.schedule.factor
    if name == "cosine":
        steps = round((config.schedule.epochs or config.epochs) * steps_per_epoch) - warmup
        return optax.cosine_decay_schedule(1.0, max(steps, 1), alpha=config.schedule.final)
    if name == "piecewise":
        # Two boundaries may round to the same step.
        cuts = Counter(round(epochs * steps_per_epoch) for epochs in config.schedule.boundaries)
        boundaries = {step: factor**count for step, count in cuts.items()}
        return optax.piecewise_constant_schedule(1.0, boundaries)
    if name == "exponential":
        return optax.exponential_decay(1.0, steps_per_epoch, factor, staircase=True)
    return constant
