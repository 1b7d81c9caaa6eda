"""MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381) as Flax modules.

Names, order and numbers follow torchvision's `mobilenetv2.py` and Keras's `applications/mobilenet_v2.py`. The
two differ in how they pad stride 2 and in BatchNorm's epsilon; both belong to the weights, so one argument,
`convention`, holds them together.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Float32

from flowers_jax.models.layers import ConvNorm, Layer, flatten, global_average_pool, relu6
from flowers_jax.types import Activations

BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""(expansion, channels, repeats, stride of the first) of the seven stages: table 2 of the paper."""


class Convention(NamedTuple):
    """What differs between the two families of weights."""

    symmetric: bool
    epsilon: float
    momentum: float


CONVENTIONS = {"torch": Convention(True, 1e-5, 0.9), "keras": Convention(False, 1e-3, 0.999)}


def make_divisible(value: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `value`, but never below 90 % of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


class InvertedResidual(nn.Module):
    """Expand with 1x1, filter with depthwise 3x3, project with 1x1; add the input where shapes allow."""

    channels: int
    expansion: int
    stride: int
    layer: Callable[..., ConvNorm]

    @nn.compact
    def __call__(self, x: Activations, train: bool) -> Activations:
        inputs, hidden = x, x.shape[-1] * self.expansion
        if self.expansion > 1:
            x = self.layer(hidden, activation=relu6, name="expand")(x, train)
        x = self.layer(hidden, 3, self.stride, groups=None, activation=relu6, name="depthwise")(x, train)
        x = self.layer(self.channels, name="project")(x, train)
        return inputs + x if self.stride == 1 and inputs.shape[-1] == self.channels else x


class Backbone(nn.Module):
    """[B, H, W, 3] normalised images -> [B, H/32, W/32, 1280 or more] features."""

    alpha: float
    convention: str
    axis_name: str | None
    dtype: DTypeLike
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"], train: bool) -> Activations:
        symmetric, epsilon, momentum = CONVENTIONS[self.convention]

        def layer(channels: int, kernel_size: int = 1, stride: int = 1, **kw) -> ConvNorm:
            half = kernel_size // 2
            pad = ((half, half), (half, half)) if symmetric else "SAME"
            kw |= {"axis_name": self.axis_name, "dtype": self.dtype, "convolution": self.convolution}
            return ConvNorm(channels, kernel_size, stride, pad, epsilon=epsilon, momentum=momentum, **kw)

        x = layer(make_divisible(32 * self.alpha), 3, 2, activation=relu6, name="stem")(x, train)
        number = 0
        for expansion, channels, repeats, stride in BLOCKS:
            for repeat in range(repeats):
                x = InvertedResidual(
                    make_divisible(channels * self.alpha), expansion, stride if repeat == 0 else 1, layer,
                    name=f"block_{number}",
                )(x, train)  # fmt: skip
                number += 1
        return layer(make_divisible(1280 * max(1.0, self.alpha)), activation=relu6, name="last")(x, train)


class MobileNetV2(nn.Module):
    """Backbone and head: [B, H, W, 3] normalised images -> [B, num_classes] float32 logits.

    Attributes:
        head: `pool` (global average, dense) or the course's `flatten256` (flatten, dense 256, ReLU, dense).
        convolution: one of `ops.PATHS`.
        freeze: `backbone` runs its BatchNorm on stored statistics even in training; `none` does not.
        axis_name: the mapped axis over which BatchNorm's batch statistics are averaged in training.
    """

    num_classes: int
    alpha: float = 1.0
    head: str = "pool"
    convention: str = "torch"
    freeze: str = "none"
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"], train: bool = False) -> Float32[Array, "b classes"]:
        backbone = Backbone(self.alpha, self.convention, self.axis_name, self.dtype, self.convolution, name="backbone")
        x = backbone(x.astype(self.dtype), train=train and self.freeze != "backbone").astype(jnp.float32)
        if self.head == "pool":
            x = Layer(global_average_pool, name="average")(x)
        else:
            x = nn.relu(nn.Dense(256, name="head_hidden")(Layer(flatten, name="flatten")(x)))
        # Zeros: every class starts equally likely, and the features below get their first gradient a step later.
        return nn.Dense(self.num_classes, kernel_init=nn.initializers.zeros, name="head")(x)
