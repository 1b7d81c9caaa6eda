"""Adam, and AdamW: Adam with decoupled weight decay."""

from typing import Any

import optax

from flowers_jax.config_key import ABOVE_ZERO, ANY, BELOW_ONE, Key
from flowers_jax.optimizers.registry import Optimizer, kernels, register

OPTIONS = {
    "b1": Key(0.9, BELOW_ONE, "share that the mean of the gradients keeps at each step"),
    "b2": Key(0.999, BELOW_ONE, "share that the mean of their squares keeps at each step"),
    "eps": Key(1e-8, ABOVE_ZERO, "added to the root of the mean square"),
    "nesterov": Key(False, ANY, "use Nesterov momentum (NAdam)"),
}


def adamw(learning_rate: Any, *, weight_decay: float, **options: Any) -> optax.GradientTransformation:
    """Source: Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101."""
    return optax.adamw(learning_rate, weight_decay=weight_decay, mask=kernels, **options)


def adam(learning_rate: Any, **options: Any) -> optax.GradientTransformation:
    """Source: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980."""
    return optax.adam(learning_rate, **options)


register(Optimizer("adamw", adamw, OPTIONS, decays=True))
register(Optimizer("adam", adam, OPTIONS))
