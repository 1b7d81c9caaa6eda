"""The schedules by name, and a schedule with its warm-up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float32

from flowers_jax.config_key import Key
from flowers_jax.config_types import Config
from flowers_jax.registry import Registry, of_function

Schedule = Callable[[Any], Array]
"""From the number of a step, starting at 0, to a factor, float32 []."""


@dataclass(frozen=True)
class Decay:
    """One value of `config.schedule.name`.

    Attributes:
        make: from the config, the steps of an epoch and the steps of the warm-up to the factor at each step.
        reads: the keys of `config.schedule` that it reads. With another decay they are refused.
        spans_run: whether `config.epochs` is its length, so that a resumed run may not have more of them.
        options: its own settings, `config.schedule.options`: default, rule and help of each.
    """

    name: str
    make: Callable[[Config, int, int], optax.Schedule]
    reads: tuple[str, ...] = ()
    spans_run: Callable[[Config], bool] = lambda config: False  # noqa: ARG005
    options: Mapping[str, Key] = field(default_factory=dict)


SCHEDULES = Registry("schedule.name", Decay, of_function(Decay), also="a function (config, steps_per_epoch, warmup)")
register, find = SCHEDULES.register, SCHEDULES.find


def constant(step: Any) -> Array:
    """1 at every step."""
    del step
    return jnp.ones((), jnp.float32)


def make_schedule(config: Config, steps_per_epoch: int) -> Schedule:
    """Warm-up multiplied by the decay that `config.schedule.name` names."""
    warmup = round(config.schedule.warmup_epochs * steps_per_epoch)
    decay = find(config.schedule.name).make(config, steps_per_epoch, warmup)

    def schedule(step: Any) -> Float32[Array, ""]:
        factor = jnp.asarray(decay(step), jnp.float32)
        return factor * jnp.minimum((step + 1) / warmup, 1) if warmup else factor

    return schedule
