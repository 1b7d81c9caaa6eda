"""Logits of a model for photographs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jax import lax

from flowers_jax import parallel
from flowers_jax.models.preprocessing import Preprocessing
from flowers_jax.types import Devices, HostLogits, Images, Logits

Variables = Mapping[str, Any]
"""`params` and `batch_stats`."""


PIXELS_AT_ONCE = 4 * 224 * 224
"""A CPU's cache holds the activations of about so many."""


def eval_step(variables: Variables, images: Images, *, module: nn.Module, preprocessing: Preprocessing) -> Logits:
    """uint8 [B, H, W, 3] -> float32 [B, classes], BatchNorm on stored statistics."""

    def logits(images: Images) -> Logits:
        return module.apply(variables, preprocessing.normalize(images), train=False)  # type: ignore[return-value]

    if jax.default_backend() != "cpu":
        return logits(images)
    batch, height, width, _ = images.shape
    most = min(batch, max(1, PIXELS_AT_ONCE // (height * width)))
    at_once = next(count for count in range(most, 0, -1) if batch % count == 0)
    return lax.map(logits, images.reshape(-1, at_once, height, width, 3)).reshape(batch, -1)


def make_predictor(
    module: nn.Module, preprocessing: Preprocessing, devices: Devices
) -> Callable[[Variables, np.ndarray], HostLogits]:
    """`predict(variables, images) -> logits` on the host; the number of images must be divisible by the devices."""
    step = parallel.pmap_predict(partial(eval_step, module=module, preprocessing=preprocessing), devices)

    def predict(variables: Variables, images: np.ndarray) -> HostLogits:
        logits = jax.device_get(step(variables, parallel.shard(images, devices)))
        return logits.reshape(len(images), -1)

    return predict


def predict_all(predict: Callable[[np.ndarray], HostLogits], batches: Iterable[dict[str, np.ndarray]]) -> HostLogits:
    """Logits of every unmasked example, in order, each once."""
    return np.concatenate([predict(batch["image"])[batch["mask"]] for batch in batches])
