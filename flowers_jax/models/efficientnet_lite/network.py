"""EfficientNet-Lite as a Flax module.

EfficientNet (Tan and Le 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, with ReLU6 in place of
swish, and with a stem and a last layer of one width in every version. Padding is TensorFlow's SAME.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from flowers_jax.models.efficientnet_lite.layout import LAST, STEM, blocks
from flowers_jax.models.inverted_residual import Block, InvertedResidual
from flowers_jax.models.layers import ConvNorm, Dropout, Layer, global_average_pool, relu6
from flowers_jax.types import Activations


class Stage(nn.Module):
    """Blocks of equal width, in order: [B, H, W, C] -> [B, H / stride, W / stride, channels].

    Attributes:
        drops: for each block the probability that an example skips it in training.
    """

    blocks: Sequence[Block]
    drops: Sequence[float]
    axis_name: str | None
    layer: Callable[..., ConvNorm]

    @nn.compact
    def __call__(self, x: Activations, train: bool) -> Activations:
        for block, drop in zip(self.blocks, self.drops, strict=True):
            x = InvertedResidual(
                block.channels, block.expansion, block.stride, drop, self.axis_name, self.layer,
                kernel_size=block.kernel_size, name=block.name,
            )(x, train)  # fmt: skip
        return x


class EfficientNetLite(nn.Module):
    """[B, H, W, 3] normalised images of at least 32x32 -> [B, num_classes] float32 logits.

    Attributes:
        version: 0, 1 or 2: an index of `layout.VERSIONS`.
        dropout: of the features before the head, in training.
        stochastic_depth: with what probability the last residual is left out in training, the others less.
        axis_name: the mapped axis over which a batch is divided.
        convolution: one of `ops.PATHS`.
    """

    num_classes: int
    version: int = 0
    dropout: float = 0.0
    stochastic_depth: float = 0.0
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(
        self, x: Float[Array, "b h w 3"] | Float[Array, "b features"], train: bool = False, output: str = "logits"
    ) -> Float[Array, "b _"]:
        """The logits of images, or of features that were taken before.

        Args:
            x: images, or [B, F] what `output="features"` gave.
            output: `logits`, or `features` that go into the head, [B, 1280].
        """
        if x.ndim == 4:
            x = Layer(global_average_pool, name="average")(self._stages(x.astype(self.dtype), train))
        if output == "features":
            return x
        if self.dropout:
            x = Dropout(self.dropout, self.axis_name, name="dropout")(x, train)
        # Zeros, as in MobileNetV2: every class starts equally likely.
        return nn.Dense(self.num_classes, kernel_init=nn.initializers.zeros, name="head")(x)

    def _stages(self, x: Activations, train: bool) -> Activations:
        layer = partial(
            ConvNorm, epsilon=1e-3, momentum=0.99, axis_name=self.axis_name, dtype=self.dtype,
            convolution=self.convolution,
        )  # fmt: skip
        x = layer(STEM, 3, 2, activation=relu6, name="stem")(x, train)
        every = list(blocks(self.version))
        drops = {block: self.stochastic_depth * index / len(every) for index, block in enumerate(every)}
        for number, those in groupby(every, key=lambda block: block.stage):
            stage = list(those)
            own = [drops[block] for block in stage]
            x = Stage(stage, own, self.axis_name, layer, name=f"stage_{number}")(x, train)
        return layer(LAST, activation=relu6, name="last")(x, train)
