"""LAMB: AdamW whose update of each kernel is as large as the kernel, for large batches."""

from typing import Any

import optax

from flowers_jax.config_key import ABOVE_ZERO, BELOW_ONE, Key
from flowers_jax.optimizers.registry import Optimizer, kernels, register

OPTIONS = {
    "b1": Key(0.9, BELOW_ONE, "share that the mean of the gradients keeps at each step"),
    "b2": Key(0.999, BELOW_ONE, "share that the mean of their squares keeps at each step"),
    "eps": Key(1e-6, ABOVE_ZERO, "added to the root of the mean square"),
}


def lamb(learning_rate: Any, *, weight_decay: float, **options: Any) -> optax.GradientTransformation:
    """Source: You et al. 2019, https://arxiv.org/abs/1904.00962."""
    return optax.lamb(learning_rate, weight_decay=weight_decay, mask=kernels, **options)


register(Optimizer("lamb", lamb, OPTIONS, decays=True))
