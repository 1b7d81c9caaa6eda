"""Images a second of a plain Flax network with `nn.Conv`, and with `ops.conv_general_dilated`: prints a line of JSON.

python -m benchmarks.separable BATCH
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from benchmarks import CLASSES, LEARNING_RATE
from benchmarks.program import median_seconds
from tests.outside.separable import FAST_CONV, SeparableCNN

SIZE = 128
"""Height and width of the images in pixels."""


def main(batch: int) -> dict[str, object]:
    """One after the other in one process, on one device and noise."""
    images, rates = jax.random.normal(jax.random.key(0), (batch, SIZE, SIZE, 3)), {}
    for name, conv in {"nn.Conv": nn.Conv, "ops": FAST_CONV}.items():
        for what, run in programs(SeparableCNN(CLASSES, conv=conv), images).items():
            rates[f"{what}, {name}"] = batch / median_seconds(run)
    return {"backend": jax.default_backend(), "dtype": "float32", "version": f"jax {jax.__version__}", "rates": rates}


def programs(module: nn.Module, images: Float[Array, "batch height width 3"]) -> dict[str, Callable[[], object]]:
    """A step of Adam on the statistics of the batch, and inference."""
    labels, optimizer = jnp.arange(len(images)) % CLASSES, optax.adam(LEARNING_RATE)
    variables = jax.jit(lambda key: module.init(key, images, train=False))(jax.random.key(1))

    def loss(params: Any, stats: Any) -> tuple[Float[Array, ""], Any]:
        variables = {"params": params, "batch_stats": stats}
        logits, updated = module.apply(variables, images, train=True, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), updated["batch_stats"]

    @jax.jit
    def step(params: Any, stats: Any, moments: optax.OptState) -> tuple[Any, Any, optax.OptState]:
        gradients, stats = jax.grad(loss, has_aux=True)(params, stats)
        updates, moments = optimizer.update(gradients, moments)
        return optax.apply_updates(params, updates), stats, moments

    predict = jax.jit(lambda variables: module.apply(variables, images, train=False))
    state = variables["params"], variables["batch_stats"], optimizer.init(variables["params"])
    return {
        "train": lambda: jax.block_until_ready(step(*state)),
        "inference": lambda: jax.block_until_ready(predict(variables)),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
