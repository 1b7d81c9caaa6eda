"""Focal loss: examples that are right already count less."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32

from flowers_jax.config_key import Key, at_least
from flowers_jax.losses.registry import Loss, register
from flowers_jax.types import Logits

TINY = 1e-7
"""At 1 - p = 0 an exponent below 1 has no gradient."""

OPTIONS = {"gamma": Key(2.0, at_least(0), "exponent of 1 - p, the share by which a class is missed; 0: cross-entropy")}


def focal(logits: Logits, targets: Logits, *, gamma: float) -> Float32[Array, " batch"]:
    """-sum of targets * (1 - p)^gamma * log p over the classes, with p = softmax(logits).

    Source: Lin et al. 2017, https://arxiv.org/abs/1708.02002, for several classes as in Keras's
    `CategoricalFocalCrossentropy` with `alpha=1`.
    """
    log_p = jax.nn.log_softmax(logits)
    missed = jnp.maximum(-jnp.expm1(log_p), TINY)
    return -(targets * missed**gamma * log_p).sum(-1)


register(Loss("focal", focal, OPTIONS))
