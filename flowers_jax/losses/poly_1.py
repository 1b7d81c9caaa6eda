"""Poly-1: cross-entropy whose first polynomial coefficient is free."""

import optax
from jaxtyping import Array, Float32

from flowers_jax.config_key import Key, Rule
from flowers_jax.losses.registry import Loss, register
from flowers_jax.types import Logits

OPTIONS = {"epsilon": Key(2.0, Rule(lambda v: -1 <= v < float("inf"), "at least -1"), "weight of 1 - p of the target")}


def poly_1(logits: Logits, targets: Logits, *, epsilon: float) -> Float32[Array, " batch"]:
    """Cross-entropy + epsilon * (1 - p of the target), with p = softmax(logits).

    Source: Leng et al. 2022, https://arxiv.org/abs/2204.12511.
    """
    return optax.losses.poly_loss_cross_entropy(logits, targets, epsilon=epsilon)


register(Loss("poly_1", poly_1, OPTIONS))
