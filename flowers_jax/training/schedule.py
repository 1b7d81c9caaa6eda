"""How the learning rate runs within a run, as factors of the rate that ReduceLROnPlateau holds."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float32

from flowers_jax.config_types import Config

Schedule = Callable[[Any], Array]
"""From the number of a step, from 0, to a factor, float32 []."""


def constant(step: Any) -> Array:
    """1 at every step."""
    del step
    return jnp.ones((), jnp.float32)


def make_schedule(config: Config, steps_per_epoch: int) -> Schedule:
    """Warm-up times the schedule that `config.schedule` names.

    A cosine begins where the warm-up ends (Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983); the others
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
        # Two boundaries may fall on one step.
        cuts = Counter(round(epochs * steps_per_epoch) for epochs in config.schedule.boundaries)
        boundaries = {step: factor**count for step, count in cuts.items()}
        return optax.piecewise_constant_schedule(1.0, boundaries)
    if name == "exponential":
        return optax.exponential_decay(1.0, steps_per_epoch, factor, staircase=True)
    return constant
