"""MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381) as Flax modules.

Names, order and numbers follow torchvision's `mobilenetv2.py` and Keras's `applications/mobilenet_v2.py`. The
two differ in how they pad stride 2, in BatchNorm's epsilon and in how they round widths; all of it belongs to the
weights, so one argument, `convention`, holds it together.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from flowers_jax.models.freezing import held
from flowers_jax.models.groups import frozen_paths
from flowers_jax.models.inverted_residual import InvertedResidual, make_divisible
from flowers_jax.models.layers import ConvNorm, Dropout, Layer, at_least_float32, flatten, global_average_pool, relu6
from flowers_jax.models.mobilenet_v2.layout import CONVENTIONS, GROUPS, blocks
from flowers_jax.types import Activations


class Backbone(nn.Module):
    """[B, H, W, 3] normalised images -> [B, H / stride, W / stride, 1280 or more] features; fields as `MobileNetV2`."""

    alpha: float
    convention: str
    stochastic_depth: float = 0.0
    output_stride: int = 32
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Float[Array, "b h w 3"], train: bool) -> tuple[Activations, ...]:
        """The output of the stem, of each stage, and of the last layer."""
        convention = CONVENTIONS[self.convention]

        def layer(channels: int, kernel_size: int = 1, stride: int = 1, dilation: int = 1, **kw) -> ConvNorm:
            half = kernel_size // 2 * dilation
            pad = ((half, half), (half, half)) if convention.symmetric else "SAME"
            kw |= {"axis_name": self.axis_name, "dtype": self.dtype, "convolution": self.convolution}
            return ConvNorm(
                channels, kernel_size, stride, pad, dilation=dilation, epsilon=convention.epsilon,
                momentum=convention.momentum, unbiased=convention.unbiased, **kw,
            )  # fmt: skip

        outputs = []
        x = layer(make_divisible(32 * self.alpha), 3, 2, activation=relu6, name="stem")(x, train)
        stride, dilation, stage = 2, 1, 0
        every = list(blocks(self.alpha, convention.whole_widths))
        for index, block in enumerate(every):
            if block.stage != stage:
                outputs.append(x)
                stage = block.stage
            here = block.stride if stride * block.stride <= self.output_stride else 1
            x = InvertedResidual(
                block.channels, block.expansion, here, self.stochastic_depth * index / len(every), self.axis_name,
                layer, dilation, name=block.name,
            )(x, train)  # fmt: skip
            # A stride that is not taken widens the windows of what follows instead.
            stride, dilation = stride * here, dilation * (block.stride // here)
        outputs.append(x)
        last = layer(make_divisible(1280 * max(1.0, self.alpha)), activation=relu6, name="last")
        return *outputs, last(x, train)


class MobileNetV2(nn.Module):
    """Backbone and head: [B, H, W, 3] normalised images of at least 32x32 -> [B, num_classes] float32 logits.

    Attributes:
        head: `pool` (global average, dense) or the course's `flatten256` (flatten, dense 256, ReLU, dense).
        convolution: one of `ops.PATHS`.
        freeze: a group of `layout.GROUPS`, `backbone` or `none`; the layers up to it evaluate, in training too. This is
            for a loop of your own: the project's training step does it for every model (`models.freezing`).
        batch_norm: in training `batch` takes the statistics of the batch where nothing is frozen, `stored` nowhere.
        dropout: of the features before the last dense layer, in training.
        stochastic_depth: with what probability the last residual is left out in training, the others less.
        output_stride: 8, 16 or 32: how many pixels a place of the last features is wide.
        axis_name: the mapped axis over which a batch is divided: BatchNorm's batch statistics are averaged over it in
            training, and what is dropped follows from an example's row in the whole batch.
    """

    num_classes: int
    alpha: float = 1.0
    head: str = "pool"
    convention: str = "torch"
    freeze: str = "none"
    batch_norm: str = "batch"
    dropout: float = 0.0
    stochastic_depth: float = 0.0
    output_stride: int = 32
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w 3"] | Float[Array, "b features"], train: bool = False, output: str = "logits"
    ) -> Float[Array, "b _"] | tuple[Activations, ...]:
        """The logits of images, or of features that were taken before.

        Args:
            x: images, or [B, F] what `output="features"` gave.
            output: `logits`; `features` that go into the head's dense layers, [B, F]; `stages`: what comes out
                of the stem, of each of the seven stages and of the last layer.
        """
        if x.ndim == 4:
            backbone = Backbone(
                self.alpha, self.convention, self.stochastic_depth, self.output_stride, self.axis_name, self.dtype,
                self.convolution, name="backbone",
            )  # fmt: skip
            with held(frozen_paths(GROUPS, self.freeze), self.batch_norm, within=self.path):
                stages = backbone(x.astype(self.dtype), train)
            if output == "stages":
                return stages
            pool = Layer(global_average_pool, name="average") if self.head == "pool" else Layer(flatten, name="flatten")
            x = at_least_float32(pool(stages[-1]))
        if output == "features":
            return x
        if self.head == "flatten256":
            x = nn.relu(nn.Dense(256, name="head_hidden")(x))
        if self.dropout:
            x = Dropout(self.dropout, self.axis_name, name="dropout")(x, train)
        # Zeros: every class starts equally likely, and the features below get their first gradient a step later.
        return nn.Dense(self.num_classes, kernel_init=nn.initializers.zeros, name="head")(x)
