"""A residual CNN of under a million parameters, for training from scratch on small photographs.

Basic blocks after He et al. 2015 (https://arxiv.org/abs/1512.03385), each ending in a zero-initialised
BatchNorm scale, so that the network starts as its shortcuts (Goyal et al. 2017, https://arxiv.org/abs/1706.02677).
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Float32

from flowers_jax import ops
from flowers_jax.models.features import before
from flowers_jax.models.layers import ConvNorm, Layer, global_average_pool
from flowers_jax.models.registry import ModelSpec, register
from flowers_jax.types import Activations

STAGES = ((32, 1), (64, 2), (128, 2))
"""(channels, stride of the first of two blocks); before them the stem has divided height and width by 4."""

max_pool = partial(ops.max_pool, size=3, stride=2, padding="SAME")


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    channels: int
    stride: int
    layer: Callable[..., ConvNorm]

    @nn.compact
    def __call__(self, x: Activations, train: bool) -> Activations:
        y = self.layer(self.channels, 3, self.stride, activation=nn.relu)(x, train)
        y = self.layer(self.channels, 3, scale_init=nn.initializers.zeros)(y, train)
        if x.shape != y.shape:
            x = self.layer(self.channels, 1, self.stride, name="shortcut")(x, train)
        return nn.relu(x + y)


class ResidualCNN(nn.Module):
    """[B, H, W, 3] normalised images -> [B, num_classes] float32 logits; H and W of 64 and more."""

    num_classes: int
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"], train: bool = False) -> Float32[Array, "b classes"]:
        layer = partial(ConvNorm, axis_name=self.axis_name, dtype=self.dtype, convolution=self.convolution)
        x = layer(STAGES[0][0], 3, 2, activation=nn.relu, name="stem")(x.astype(self.dtype), train)
        x = Layer(partial(max_pool, path=self.convolution), name="pool")(x)
        for channels, stride in STAGES:
            x = ResidualBlock(channels, stride, layer)(x, train)
            x = ResidualBlock(channels, 1, layer)(x, train)
        x = Layer(global_average_pool, name="average")(x)
        return nn.Dense(self.num_classes, name="head")(x)


SPEC = register(ModelSpec("cnn", ResidualCNN, features=before("head")))
