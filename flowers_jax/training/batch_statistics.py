"""The batch statistics of given weights, measured on the training photographs.

While weights train, BatchNorm follows them. Weights that are a mean over many steps never trained, so their statistics
are measured afterwards. Source: "precise BatchNorm", Wu and Johnson 2021, https://arxiv.org/abs/2105.07576.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import jax
import numpy as np
from flax import traverse_util
from jax import lax
from jaxtyping import Array

from flowers_jax.augment import Augment
from flowers_jax.data.loader import Batch
from flowers_jax.models.freezing import held
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training.state import Tree
from flowers_jax.training.step import model_inputs, streams
from flowers_jax.types import Devices


def statistics_step(
    variables: Tree,
    batch: dict[str, Array],
    *,
    module: Any,
    preprocessing: Preprocessing,
    frozen: Collection[str],
    augment: Augment,
    seed: int,
    num_classes: int,
) -> Tree:
    """`batch_stats` after one batch in training mode; a pure function of one replica, as `train_step`.

    Args:
        variables: `params`, `batch_stats`, and `step`, which decides the random numbers.
    """
    examples = lax.psum(batch["mask"].sum(), parallel.AXIS)
    step = variables["step"]
    inputs, _ = model_inputs(batch, step, examples, num_classes, preprocessing, augment, seed)
    own = {"params": variables["params"], "batch_stats": variables["batch_stats"]}
    with held(frozen, "batch"):
        _, updated = module.apply(own, inputs, train=True, mutable=["batch_stats"], rngs=streams(seed, step))
    return updated.get("batch_stats", variables["batch_stats"])


def batch_statistics(
    step: Callable[[Tree, Any], Tree], variables: Tree, batches: Iterable[Batch], number: int, devices: Devices
) -> Tree:
    """The mean over the batches of their statistics, on the host; those that training does not change stay.

    A BatchNorm keeps `momentum * old + (1 - momentum) * batch`. What an old value of 0 and one of 1 give differs by the
    momentum, so the batch's own statistics follow, whatever the layer's momentum is.

    Args:
        step: `statistics_step`, mapped over the devices.
        variables: `params` and `batch_stats` on the host.
        number: of the step whose random numbers are drawn.
    """
    stored: dict[str, Any] = traverse_util.flatten_dict(variables["batch_stats"], sep="/")
    fixed = {"params": variables["params"], "step": np.int32(number)}

    def after(batch: Batch, old: dict[str, Any]) -> dict[str, Any]:
        whole = {**fixed, "batch_stats": traverse_util.unflatten_dict({**stored, **old}, sep="/")}
        placed = step(parallel.replicate(whole, devices), parallel.shard(batch, devices))
        return traverse_util.flatten_dict(jax.device_get(placed), sep="/")

    total, momentum, count = dict[str, Any](), dict[str, Any](), 0
    zeros, ones = dict[str, Any](), dict[str, Any]()
    for batch in batches:
        if not count:
            changed = after(batch, {})
            moving = [path for path, leaf in stored.items() if (changed[path] != leaf).any()]
            zeros, ones = ({path: np.full_like(stored[path], value) for path in moving} for value in (0, 1))
        from_zero = after(batch, zeros)
        if not count:
            from_one = after(batch, ones)
            momentum = {path: from_one[path] - from_zero[path] for path in zeros}
            total = {path: np.zeros(leaf.shape) for path, leaf in zeros.items()}
        total = {path: sum_ + from_zero[path] for path, sum_ in total.items()}
        count += 1
    measured = {path: (sum_ / (count * (1 - momentum[path]))).astype(np.float32) for path, sum_ in total.items()}
    return traverse_util.unflatten_dict({**stored, **measured}, sep="/")
