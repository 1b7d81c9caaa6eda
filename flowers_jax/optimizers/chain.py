"""From an optimizer to the transformation of a phase.

The host sets the learning rate between epochs; a schedule changes it in each step, multipliers in each layer.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float32

from flowers_jax.optimizers.registry import Optimizer, by_path
from flowers_jax.schedules import Schedule

Multiplier = Callable[[str], float]
"""From the path of a parameter, such as `layer/kernel`, to the factor of its learning rate."""


def make_optimizer(
    optimizer: Optimizer,
    learning_rate: float,
    schedule: Schedule | None = None,
    multiplier: Multiplier | None = None,
    *,
    weight_decay: float = 0.0,
    clip_norm: float = 0.0,
    options: Mapping[str, Any] | None = None,
) -> optax.GradientTransformation:
    """A named optimizer at the rate `learning_rate` * `schedule(step)` * the parameter's multiplier.

    Every optimizer of the package multiplies its update by the rate last, so a factor of the update is one of the rate.

    Args:
        learning_rate: the initial rate; `with_learning_rate` replaces it.
        schedule: from the number of the step to a factor; None: always 1.
        multiplier: None: always 1.
        weight_decay: of kernels only, times the rate.
        clip_norm: the largest norm of all gradients together; 0: any.
        options: those of the optimizer; the others have their defaults.
    """
    decay = {"weight_decay": weight_decay} if optimizer.decays else {}
    every = {name: option.default for name, option in optimizer.options.items()} | dict(options or {})
    build = partial(optimizer.build, **every, **decay)
    rated = optax.inject_hyperparams(lambda learning_rate: build(learning_rate), hyperparam_dtype=jnp.float32)(
        learning_rate
    )
    return optax.chain(*_clipped(clip_norm), rated, *_factors(schedule, multiplier))


def given(
    transformation: optax.GradientTransformation,
    schedule: Schedule | None = None,
    multiplier: Multiplier | None = None,
    *,
    clip_norm: float = 0.0,
) -> optax.GradientTransformation:
    """Any transformation, a bare `optax.sgd(rate)` included, whose updates the host multiplies.

    The host's factor is 1 at the start of a phase; `with_learning_rate` replaces it.
    """
    return optax.chain(*_clipped(clip_norm), transformation, *_factors(schedule, multiplier), _scale_by_host(1.0))


def with_learning_rate(opt_state: optax.OptState, learning_rate: float) -> optax.OptState:
    """The state of `make_optimizer` or `given` with another rate. The rate is cast to float32 only here."""
    name = "host_factor" if optax.tree.get_all_with_path(opt_state, "host_factor") else "learning_rate"
    return optax.tree.set(opt_state, **{name: jnp.float32(learning_rate)})


def _clipped(clip_norm: float) -> list[optax.GradientTransformation]:
    return [optax.clip_by_global_norm(clip_norm)] if clip_norm else []


def _factors(schedule: Schedule | None, multiplier: Multiplier | None) -> list[optax.GradientTransformation]:
    parts = []
    if multiplier is not None:
        parts.append(optax.stateless(lambda updates, _: by_path(lambda path, leaf: multiplier(path) * leaf, updates)))
    if schedule is not None:
        parts.append(optax.scale_by_schedule(schedule))
    return parts


class HostFactorState(NamedTuple):
    """The factor that the host sets."""

    host_factor: Float32[Array, ""]


def _scale_by_host(factor: float) -> optax.GradientTransformation:
    """Multiply updates by a factor, which is part of the state and so of the checkpoint."""

    def init(params: optax.Params) -> HostFactorState:
        del params
        return HostFactorState(jnp.asarray(factor, jnp.float32))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, HostFactorState]:
        del params
        return jax.tree.map(lambda update: state.host_factor * update, updates), state

    return optax.GradientTransformation(init, update)
