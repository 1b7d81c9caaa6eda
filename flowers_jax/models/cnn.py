"""A residual CNN of under a million parameters, for training from scratch on small photographs.

Basic blocks after He et al. 2015 (https://arxiv.org/abs/1512.03385), each ending in a zero-initialised
BatchNorm scale, so that the network starts as its shortcuts (Goyal et al. 2017, https://arxiv.org/abs/1706.02677).
"""

from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Float32

from flowers_jax.types import Activations

STAGES = ((32, 1), (64, 2), (128, 2))
"""(channels, stride of the first of two blocks); before them the stem has divided height and width by 4."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    channels: int
    stride: int
    axis_name: str | None
    dtype: DTypeLike

    @nn.compact
    def __call__(self, x: Activations, train: bool) -> Activations:
        conv = partial(nn.Conv, self.channels, use_bias=False, dtype=self.dtype)
        norm = partial(nn.BatchNorm, not train, momentum=0.9, dtype=self.dtype, axis_name=self.axis_name)
        y = nn.relu(norm()(conv((3, 3), self.stride)(x)))
        y = norm(scale_init=nn.initializers.zeros)(conv((3, 3))(y))
        if x.shape != y.shape:
            x = norm(name="shortcut_bn")(conv((1, 1), self.stride, name="shortcut")(x))
        return nn.relu(x + y)


class ResidualCNN(nn.Module):
    """[B, H, W, 3] normalised images -> [B, num_classes] float32 logits; H and W of 64 and more."""

    num_classes: int
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"], train: bool = False) -> Float32[Array, "b classes"]:
        x = nn.Conv(STAGES[0][0], (3, 3), 2, use_bias=False, dtype=self.dtype, name="stem")(x.astype(self.dtype))
        x = nn.BatchNorm(not train, momentum=0.9, dtype=self.dtype, axis_name=self.axis_name, name="stem_bn")(x)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), padding="SAME")
        for channels, stride in STAGES:
            x = ResidualBlock(channels, stride, self.axis_name, self.dtype)(x, train)
            x = ResidualBlock(channels, 1, self.axis_name, self.dtype)(x, train)
        return nn.Dense(self.num_classes, name="head")(x.astype(jnp.float32).mean(axis=(1, 2)))
