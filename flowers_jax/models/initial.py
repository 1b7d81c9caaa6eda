"""The variables that a model starts with."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

QUICKLY = {"xla_backend_optimization_level": 0}
"""XLA would optimise a program for seconds that runs once, for milliseconds."""


def initial_variables(module: nn.Module, size: int, key: Key[Array, ""], *, backbone: bool = True) -> dict[str, Any]:
    """`params` and `batch_stats` (empty where there is no BatchNorm), float32, on the host.

    Args:
        size: height and width of the images, which a dense layer behind a flatten depends on.
        backbone: False leaves it zeros, to be filled from a file.
    """

    def init(key: Key[Array, ""], images: Array) -> dict[str, Any]:
        made = {"batch_stats": {}} | dict(module.init(key, images))
        if backbone:
            return made
        blank = {name: jax.tree.map(jnp.zeros_like, tree["backbone"]) for name, tree in made.items()}
        return {name: tree | {"backbone": blank[name]} for name, tree in made.items()}

    options = QUICKLY if jax.default_backend() == "cpu" else None
    return jax.device_get(jax.jit(init, compiler_options=options)(key, jnp.zeros((1, size, size, 3))))
