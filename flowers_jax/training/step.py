"""One training step, pure and per replica; `flowers_jax.parallel` maps it over the devices."""

import zlib
from collections.abc import Collection
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Key

from flowers_jax.data.augment import random_flip
from flowers_jax.evaluation.predict import eval_step
from flowers_jax.models.preprocessing import Preprocessing
from flowers_jax.parallel import AXIS
from flowers_jax.training.state import TrainState, Tree

__all__ = ["eval_step", "named_key", "split_params", "train_step"]


def named_key(seed: int, name: str) -> Key[Array, ""]:
    """The random key of a purpose: `fold_in(seed, name)`. No key is carried, so none is in the checkpoint."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


def split_params(params: Tree, frozen: Collection[str]) -> tuple[Tree, Tree]:
    """(trainable, frozen) by top-level name."""
    return (
        {name: value for name, value in params.items() if name not in frozen},
        {name: value for name, value in params.items() if name in frozen},
    )


def train_step(
    state: TrainState,
    batch: dict[str, Array],
    *,
    module: nn.Module,
    optimizer: optax.GradientTransformation,
    preprocessing: Preprocessing,
    frozen: Collection[str] = (),
    horizontal_flip: bool = False,
    seed: int = 0,
) -> tuple[TrainState, dict[str, Array]]:
    """Softmax cross-entropy over this replica's share of the batch, one update with the mean gradient of all.

    Runs under the mapped axis `parallel.AXIS`. What is frozen gets no gradient and has no optimizer state.

    Args:
        batch: `image` uint8 [B, H, W, 3], `label` int32 [B], `mask` bool [B]; masked rows count nowhere but in
            BatchNorm's batch statistics.
        frozen: top-level names of `state.params` that stay.

    Returns:
        The next state, and sums over the whole batch: `loss`, `correct`, `examples`.
    """
    images, mask = batch["image"], batch["mask"]
    if horizontal_flip:
        images = random_flip(_example_keys(seed, state.step, len(images)), images)
    inputs = preprocessing.normalize(images)
    trainable, fixed = split_params(state.params, frozen)
    examples = lax.psum(mask.sum(), AXIS)

    def loss_of(trainable: Tree) -> tuple[Float[Array, ""], tuple[Array, Array, Any]]:
        variables = {"params": trainable | fixed, "batch_stats": state.batch_stats}
        logits, updated = module.apply(variables, inputs, train=True, mutable=["batch_stats"])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"])
        total = jnp.where(mask, losses, 0).sum()
        return total / examples, (total, logits, updated.get("batch_stats", state.batch_stats))

    gradients, (total, logits, batch_stats) = jax.grad(loss_of, has_aux=True)(trainable)
    gradients = lax.psum(gradients, AXIS)
    updates, opt_state = optimizer.update(gradients, state.opt_state, trainable)
    params = optax.apply_updates(trainable, updates) | fixed  # type: ignore[operator]
    correct = jnp.where(mask, logits.argmax(-1) == batch["label"], False).sum()
    metrics = {"loss": lax.psum(total, AXIS), "correct": lax.psum(correct, AXIS), "examples": examples}
    return TrainState(state.step + 1, params, batch_stats, opt_state), metrics


def _example_keys(seed: int, step: Int[Array, ""], count: int) -> Key[Array, " count"]:
    """This replica's keys out of one for each example of the whole batch: the same on any number of devices."""
    replicas = lax.axis_size(AXIS)
    keys = jax.random.split(jax.random.fold_in(named_key(seed, "augment"), step), replicas * count)
    return lax.dynamic_slice_in_dim(keys, lax.axis_index(AXIS) * count, count)
