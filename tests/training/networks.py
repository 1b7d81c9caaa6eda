"""The networks that transfer is tested on: a few layers, and with --slow MobileNetV2."""

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from ml_collections import ConfigDict

from flowers_jax.models.features import BY_ARGUMENT
from flowers_jax.models.groups import Group
from flowers_jax.models.layers import ConvNorm, Dropout, relu6
from flowers_jax.models.registry import ModelSpec

LAYERS = {"stem": 8, "stage_1": 8, "stage_2": 16, "stage_3": 16, "last": 128}
"""Name and channels; each halves height and width."""


class Small(nn.Module):
    """Five layers in a `backbone`, and a head."""

    num_classes: int
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x, train: bool = False, output: str = "logits"):
        if x.ndim == 4:
            x = Layers(self.axis_name, self.dtype, self.convolution, name="backbone")(x.astype(self.dtype), train)
            x = x.astype(jnp.float32).mean((1, 2))
        if output == "features":
            return x
        if self.dropout:
            x = Dropout(self.dropout, self.axis_name, name="dropout")(x, train)
        return nn.Dense(self.num_classes, kernel_init=nn.initializers.zeros, name="head")(x)


class Layers(nn.Module):
    """The five."""

    axis_name: str | None
    dtype: DTypeLike
    convolution: str

    @nn.compact
    def __call__(self, x, train: bool):
        own = {"axis_name": self.axis_name, "dtype": self.dtype, "convolution": self.convolution, "activation": relu6}
        own["scale_init"] = nn.initializers.constant(2.0)  # with 1 the features hardly tell images apart
        for name, channels in LAYERS.items():
            x = ConvNorm(channels, 3, 2, name=name, **own)(x, train)
        return x


SPEC = ModelSpec(
    "small", Small, groups=(*(Group(name, (f"backbone/{name}",)) for name in LAYERS), Group("head", ("head",))),
    features=BY_ARGUMENT,
)  # fmt: skip


def small(config: ConfigDict) -> None:
    """`config` with the few layers, from random initial weights."""
    config.model.name, config.model.weights = f"{__name__}:SPEC", "none"
