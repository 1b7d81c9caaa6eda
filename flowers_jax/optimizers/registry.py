"""The optimizers by name: each makes an optax transformation for one learning rate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import optax
from flax import traverse_util

from flowers_jax.config_key import Key
from flowers_jax.registry import GIVEN, Registry, absent, of_function


@dataclass(frozen=True)
class Optimizer:
    """An optimizer, as the program knows it.

    Attributes:
        name: of `config.optimizer.name`.
        build: `build(learning_rate, **options)` -> the transformation from gradients to updates, which are added to
            the parameters. `learning_rate` is an array. Where `decays` it also gets `weight_decay`, a number.
        options: its own settings, `config.optimizer.options`: default, rule and help of each.
        decays: it takes `config.optimizer.weight_decay`.
        eval_params: from its state and the parameters that train to those that predict; None where they are the same.
            Such an optimizer averages over its steps, so the rate must not change.
    """

    name: str
    build: Callable[..., optax.GradientTransformation]
    options: Mapping[str, Key] = field(default_factory=dict)
    decays: bool = False
    eval_params: Callable[[Any, Any], Any] | None = None


OPTIMIZERS = Registry(
    "optimizer.name",
    Optimizer,
    of_function(Optimizer),
    also="a function from a learning rate to an optax.GradientTransformation",
    given=Optimizer(GIVEN, absent, decays=True),
)
register, find = OPTIMIZERS.register, OPTIMIZERS.find


def by_path(function: Callable[[str, Any], Any], tree: Any) -> Any:
    """`function(path, leaf)` of each leaf; a path is `layer/kernel`."""
    return traverse_util.path_aware_map(lambda path, leaf: function("/".join(map(str, path)), leaf), tree)


def kernels(params: Any) -> Any:
    """True for the leaves that decay: kernels, and neither biases nor the scales of BatchNorm."""
    return by_path(lambda path, _: path.endswith("kernel"), params)
