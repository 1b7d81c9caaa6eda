"""AdamW: the host sets the learning rate between epochs; a schedule changes it per step, multipliers per layer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util
from jaxtyping import Array, Float32

from flowers_jax.training.schedule import Schedule

Multiplier = Callable[[str], float]
"""From the path of a parameter, such as `layer/kernel`, to the factor of its learning rate."""


def make_optimizer(
    learning_rate: float,
    schedule: Schedule | None = None,
    multiplier: Multiplier | None = None,
    weight_decay: float = 0.0,
) -> optax.GradientTransformation:
    """AdamW at the rate `learning_rate` * `schedule(step)` * the parameter's multiplier.

    Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101.

    Args:
        learning_rate: the initial rate; `with_learning_rate` replaces it.
        schedule: from the number of the step to a factor; None: always 1.
        multiplier: None: always 1.
        weight_decay: of kernels only, times the rate; biases and BatchNorm's scales do not decay.
    """
    parts = [optax.scale_by_adam()]
    if weight_decay:
        parts.append(optax.add_decayed_weights(weight_decay, mask=_kernels))
    if multiplier is not None:
        parts.append(optax.stateless(lambda updates, _: _by_path(lambda path, leaf: multiplier(path) * leaf, updates)))
    if schedule is not None:
        parts.append(optax.scale_by_schedule(schedule))
    return optax.chain(*parts, scale_by_host_rate(learning_rate))


class HostRateState(NamedTuple):
    """The rate that the host sets."""

    learning_rate: Float32[Array, ""]


def scale_by_host_rate(learning_rate: float) -> optax.GradientTransformation:
    """Multiply updates by minus a rate, which is part of the state and so of the checkpoint.

    The host keeps the rate in float64 (`training.monitor`) and sets it with `with_learning_rate`, without recompiling.
    """

    def init(params: optax.Params) -> HostRateState:
        del params
        return HostRateState(jnp.asarray(learning_rate, jnp.float32))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, HostRateState]:
        del params
        return jax.tree.map(lambda update: -state.learning_rate * update, updates), state

    return optax.GradientTransformation(init, update)


def with_learning_rate(opt_state: optax.OptState, learning_rate: float) -> optax.OptState:
    """The optimizer's state with another rate. The rate is cast to float32 only here."""
    return optax.tree.set(opt_state, learning_rate=jnp.float32(learning_rate))


def _kernels(params: Any) -> Any:
    return _by_path(lambda path, _: path.endswith("kernel"), params)


def _by_path(function: Callable[[str, Any], Any], tree: Any) -> Any:
    return traverse_util.path_aware_map(lambda path, leaf: function("/".join(map(str, path)), leaf), tree)
