"""Schedules of the learning rate, as factors of the rate of ReduceLROnPlateau."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float32

from flowers_jax.config_types import Config

Schedule = Callable[[Any], Array]
"""From the number of a step, starting at 0, to a factor, float32 []."""


def constant(step: Any) -> Array:
    """1 at every step."""
    del step
    return jnp.ones((), jnp.float32)


def make_schedule(config: Config, steps_per_epoch: int) -> Schedule:
    """Warm-up multiplied by the decay that `config.schedule.name` names."""
    warmup = round(config.schedule.warmup_epochs * steps_per_epoch)
    decay = DECAYS[config.schedule.name].make(config, steps_per_epoch, warmup)

    def schedule(step: Any) -> Float32[Array, ""]:
        factor = jnp.asarray(decay(step), jnp.float32)
        return factor * jnp.minimum((step + 1) / warmup, 1) if warmup else factor

    return schedule


class Decay(NamedTuple):
    """One value of `config.schedule.name`.

    Attributes:
        make: from the config, the steps of an epoch and the steps of the warm-up to the factor at each step.
        reads: the keys of `config.schedule` that it reads. With another decay they are refused.
    """

    make: Callable[[Config, int, int], optax.Schedule]
    reads: tuple[str, ...] = ()


def _constant(_config: Config, _steps_per_epoch: int, _warmup: int) -> optax.Schedule:
    return constant


def _cosine(config: Config, steps_per_epoch: int, warmup: int) -> optax.Schedule:
    """Begins where the warm-up ends (Loshchilov and Hutter 2016, https://arxiv.org/abs/1608.03983)."""
    steps = round((config.schedule.epochs or config.epochs) * steps_per_epoch) - warmup
    cosine = optax.cosine_decay_schedule(1.0, max(steps, 1), alpha=config.schedule.final)
    return lambda step: cosine(jnp.maximum(step - warmup, 0))


def _piecewise(config: Config, steps_per_epoch: int, _warmup: int) -> optax.Schedule:
    """Counts epochs from the first step. Two boundaries may fall on one step."""
    cuts = Counter(round(epochs * steps_per_epoch) for epochs in config.schedule.boundaries)
    boundaries = {step: config.schedule.factor**count for step, count in cuts.items()}
    return optax.piecewise_constant_schedule(1.0, boundaries)


def _exponential(config: Config, steps_per_epoch: int, _warmup: int) -> optax.Schedule:
    """Counts epochs from the first step."""
    return optax.exponential_decay(1.0, steps_per_epoch, config.schedule.factor, staircase=True)


DECAYS = {
    "constant": Decay(_constant),
    "cosine": Decay(_cosine, reads=("epochs", "final")),
    "piecewise": Decay(_piecewise, reads=("boundaries", "factor")),
    "exponential": Decay(_exponential, reads=("factor",)),
}
"""By the name in `config.schedule.name`, whose rule in `config_types` lists the same names."""
