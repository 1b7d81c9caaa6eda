"""Computes the logits of a model for photographs."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax import lax
from jaxtyping import Array

from flowers_jax.models.features import FeatureSplit, Variables
from flowers_jax.models.layers import at_least_float32
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.types import Devices, HostFeatures, HostLogits, Images, Logits

PIXELS_AT_ONCE = 4 * 224 * 224
"""The cache of a CPU holds the activations of about this many pixels."""


def eval_step(
    variables: Variables, images: Images, *, module: nn.Module, preprocessing: Preprocessing, flip: bool = False
) -> Logits:
    """uint8 [B, H, W, 3] -> float32 [B, classes], BatchNorm on stored statistics.

    Args:
        flip: return the mean of the logits of each image and of its mirror image.
    """

    def logits(images: Images) -> Logits:
        return module.apply(variables, preprocessing.normalize(images), train=False)  # type: ignore[return-value]

    if not flip:
        return few_at_once(logits, images)
    return (few_at_once(logits, images) + few_at_once(logits, images[:, :, ::-1])) / 2


def few_at_once(function: Callable[[Any], Array], images: Any) -> Array:
    """`function` of [B, H, W, 3]; on a CPU it runs on as many images at a time as the cache holds."""
    batch, height, width, _ = images.shape
    most = min(batch, max(1, PIXELS_AT_ONCE // (height * width)))
    at_once = next(count for count in range(most, 0, -1) if batch % count == 0)

    def in_turn(images: Any) -> Array:
        return lax.map(function, images.reshape(-1, at_once, height, width, 3)).reshape(batch, -1)

    return lax.platform_dependent(images, cpu=in_turn, default=function)


def make_predictor(
    module: nn.Module, preprocessing: Preprocessing, devices: Devices, *, flip: bool = False
) -> Callable[[Variables, np.ndarray], HostLogits]:
    """`predict(variables, images) -> logits` on the host; the number of images must be divisible by the devices."""
    step = partial(eval_step, module=module, preprocessing=preprocessing, flip=flip)
    return _on_host(step, devices)


def make_feature_predictor(
    split: FeatureSplit, module: nn.Module, preprocessing: Preprocessing, devices: Devices
) -> Callable[[Variables, np.ndarray], HostFeatures]:
    """`predict(variables, images) -> features` float32 [B, F] on the host: what the head of the module is given."""

    def step(variables: Variables, images: Images) -> Array:
        def features(images: Images) -> Array:
            return at_least_float32(split.features(module, variables, preprocessing.normalize(images)))

        return few_at_once(features, images)

    return _on_host(step, devices)


def make_head_predictor(module: Any, devices: Devices) -> Callable[[Variables, np.ndarray], HostLogits]:
    """`predict(variables, features) -> logits` of features [B, F] of the backbone.

    Args:
        module: the head (`models.features`); it has the `apply` of a module.
    """

    def step(variables: Variables, features: Array) -> Logits:
        return module.apply(variables, features, train=False)  # type: ignore[return-value]

    return _on_host(step, devices)


def _on_host(step: Callable[[Variables, Array], Array], devices: Devices) -> Callable[[Variables, np.ndarray], Any]:
    mapped = parallel.map_predict(step, devices)

    def predict(variables: Variables, rows: np.ndarray) -> Any:
        outputs = jax.device_get(mapped(variables, parallel.host_shards(rows, devices)))
        return outputs.reshape(-1, outputs.shape[-1])

    return predict


def predict_all(
    predict: Callable[[np.ndarray], HostLogits], batches: Iterable[dict[str, np.ndarray]], examples: int
) -> HostLogits:
    """The logits of every example, once and in order.

    Args:
        predict: from this process's rows of a batch to the logits of the whole batch.
        batches: of the examples in order; what fills the last one follows them.
    """
    return np.concatenate([predict(batch["image"]) for batch in batches])[:examples]
