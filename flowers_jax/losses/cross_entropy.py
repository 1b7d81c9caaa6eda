"""Softmax cross-entropy: the default loss of a classifier."""

import optax
from jaxtyping import Array, Float32

from flowers_jax.losses.registry import Loss, register
from flowers_jax.types import Logits


def cross_entropy(logits: Logits, targets: Logits) -> Float32[Array, " batch"]:
    """Minus the mean of log softmax(logits), weighted by the targets [B, classes]."""
    return optax.softmax_cross_entropy(logits, targets)


register(Loss("cross_entropy", cross_entropy))
