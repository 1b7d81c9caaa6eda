"""How the factor of the learning rate falls after the warm-up."""

from collections import Counter

import jax.numpy as jnp
import optax

from flowers_jax.config_types import Config
from flowers_jax.schedules.registry import Decay, constant, register


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


register(Decay("constant", _constant))
register(Decay("cosine", _cosine, reads=("epochs", "final"), spans_run=lambda config: not config.schedule.epochs))
register(Decay("piecewise", _piecewise, reads=("boundaries", "factor")))
register(Decay("exponential", _exponential, reads=("factor",)))
