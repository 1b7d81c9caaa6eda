"""Logits of a model for photographs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from flowers_jax import parallel
from flowers_jax.models.preprocessing import Preprocessing
from flowers_jax.types import Devices, HostLogits, Images, Logits

Variables = Mapping[str, Any]
"""`params` and `batch_stats`."""


def eval_step(variables: Variables, images: Images, *, module: nn.Module, preprocessing: Preprocessing) -> Logits:
    """uint8 [B, H, W, 3] -> float32 [B, classes], BatchNorm on stored statistics."""
    return module.apply(variables, preprocessing.normalize(images), train=False)  # type: ignore[return-value]


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
