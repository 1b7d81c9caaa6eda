"""A depthwise-separable network in plain Flax that is fast on a CPU: the second example of docs/extending.md.

Source: the blocks of MobileNetV1, Howard et al. 2017, https://arxiv.org/abs/1704.04861.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn

from flowers_jax import ops
from flowers_jax.models.features import before
from flowers_jax.models.groups import groups
from flowers_jax.models.registry import ModelSpec

FAST_CONV = partial(nn.Conv, conv_general_dilated=ops.conv_general_dilated)
"""`nn.Conv` with the same parameters and results, on this project's convolutions."""

STAGES = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
"""(channels, stride) of each block."""


class Separable(nn.Module):
    """A 3x3 convolution of each channel, then a 1x1 convolution across channels."""

    channels: int
    stride: int
    axis_name: str | None
    conv: Callable[..., nn.Conv]

    @nn.compact
    def __call__(self, x, train):
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, axis_name=self.axis_name)
        inputs = x.shape[-1]
        x = self.conv(inputs, (3, 3), self.stride, feature_group_count=inputs, use_bias=False, name="depthwise")(x)
        x = nn.relu(norm(name="depthwise_norm")(x))
        x = self.conv(self.channels, (1, 1), use_bias=False, name="pointwise")(x)
        return nn.relu(norm(name="pointwise_norm")(x))


class SeparableCNN(nn.Module):
    """[B, H, W, 3] -> [B, num_classes]. `conv` makes its convolutions: `nn.Conv` or one that takes the same fields."""

    num_classes: int
    axis_name: str | None = None
    conv: Callable[..., nn.Conv] = FAST_CONV

    @nn.compact
    def __call__(self, x, train):
        x = nn.relu(self.conv(32, (3, 3), 2, name="stem")(x))
        for number, (channels, stride) in enumerate(STAGES, start=1):
            x = Separable(channels, stride, self.axis_name, self.conv, name=f"stage_{number}")(x, train)
        return nn.Dense(self.num_classes, name="head")(x.mean((1, 2)))


SPEC = ModelSpec(
    "separable",
    SeparableCNN,
    groups=groups("stem", *(f"stage_{number}" for number in range(1, 1 + len(STAGES))), "head"),
    features=before("head"),
)
