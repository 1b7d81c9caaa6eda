"""The block that MobileNetV2 and its descendants are made of (Sandler et al. 2018, https://arxiv.org/abs/1801.04381)."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn

from flowers_jax.config_key import BELOW_ONE, Key
from flowers_jax.models.layers import ConvNorm, drop_path, example_keys, relu6
from flowers_jax.types import Activations

STOCHASTIC_DEPTH = Key(0.0, BELOW_ONE, "residuals are left out in training with a probability that rises towards it")
"""The option `stochastic_depth` of a network of these blocks."""

WITHOUT_RESIDUALS = ("stage_6", "stage_7", "backbone")
"""Where so much is frozen, no residual trains: stage 7 of each network is one block, and widens."""


def idle_options(freeze: str) -> tuple[str, ...]:
    """The options that change nothing with this `config.model.freeze`."""
    return ("stochastic_depth",) if freeze in WITHOUT_RESIDUALS else ()


class Block(NamedTuple):
    """Where an inverted residual stands in a network, and its shape; `stage` from 1, `kernel_size` in pixels."""

    name: str
    stage: int
    expansion: int
    channels: int
    stride: int
    kernel_size: int = 3


class InvertedResidual(nn.Module):
    """Expand with 1x1, filter depthwise, project with 1x1; add the input where shapes allow.

    Attributes:
        drop: the probability with which an example goes past the three in training (stochastic depth).
        axis_name: the mapped axis over which the batch is divided.
        layer: makes a `ConvNorm` of the network, as `layer(channels, kernel_size, stride, **fields)`.
        kernel_size: of the depthwise convolution, in pixels.
    """

    channels: int
    expansion: int
    stride: int
    drop: float
    axis_name: str | None
    layer: Callable[..., ConvNorm]
    dilation: int = 1
    kernel_size: int = 3

    @nn.compact
    def __call__(self, x: Activations, train: bool) -> Activations:
        inputs, hidden = x, x.shape[-1] * self.expansion
        if self.expansion > 1:
            x = self.layer(hidden, activation=relu6, name="expand")(x, train)
        depthwise = self.layer(
            hidden, self.kernel_size, self.stride, groups=None, dilation=self.dilation, activation=relu6,
            name="depthwise",
        )  # fmt: skip
        x = self.layer(self.channels, name="project")(depthwise(x, train), train)
        if self.stride > 1 or inputs.shape[-1] != self.channels:
            return x
        if train and self.drop:
            x = drop_path(x, self.drop, example_keys(self, len(x), self.axis_name))
        return inputs + x


def make_divisible(value: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to a width, but never below 90 % of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
