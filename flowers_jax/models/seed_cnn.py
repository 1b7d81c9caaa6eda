"""The course's CNN: one convolution, one max-pool, one dense layer. The lessons take it apart, as `models.simplest`."""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Float32

from flowers_jax import ops
from flowers_jax.models.features import before
from flowers_jax.models.layers import Conv, Layer, flatten
from flowers_jax.models.registry import ModelSpec, register
from flowers_jax.preprocessing import Preprocessing

TITLE = "the course's CNN"
"""How the lessons call it."""

max_pool = partial(ops.max_pool, size=2, stride=2)


class SeedCNN(nn.Module):
    """[B, 28, 28, 3] -> 14x14x32 (896 parameters) -> 7x7x32 -> 1568 -> [B, 5] (7,845 parameters) float32 logits.

    Other image sizes and class counts work and change the numbers.
    """

    num_classes: int
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"], train: bool = False) -> Float32[Array, "b classes"]:
        del train  # nothing here behaves differently in training
        x = Conv(32, 3, 2, dtype=self.dtype, convolution=self.convolution, name="conv")(x.astype(self.dtype))
        x = Layer(partial(max_pool, path=self.convolution), name="pool")(nn.relu(x))
        x = Layer(flatten, name="flatten")(x).astype(jnp.float32)
        return nn.Dense(self.num_classes, name="head")(x)


SPEC = register(
    ModelSpec(
        "seed_cnn",
        SeedCNN,
        # As the course has it: squeezed into the square, rescaled by 1/255.
        preprocessing=Preprocessing(28, "stretch", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        fixed_size=lambda options: "seed_cnn",  # noqa: ARG005
        features=before("head"),
    )
)
