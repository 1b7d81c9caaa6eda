"""Lion: the sign of a momentum, at a tenth to a third of AdamW's learning rate."""

from typing import Any

import optax

from flowers_jax.config_key import BELOW_ONE, Key
from flowers_jax.optimizers.registry import Optimizer, kernels, register

OPTIONS = {
    "b1": Key(0.9, BELOW_ONE, "share of the momentum in the update whose sign is taken"),
    "b2": Key(0.99, BELOW_ONE, "share that the momentum keeps at each step"),
}


def lion(learning_rate: Any, *, weight_decay: float, **options: Any) -> optax.GradientTransformation:
    """Source: Chen et al. 2023, https://arxiv.org/abs/2302.06675."""
    return optax.lion(learning_rate, weight_decay=weight_decay, mask=kernels, **options)


register(Optimizer("lion", lion, OPTIONS, decays=True))
