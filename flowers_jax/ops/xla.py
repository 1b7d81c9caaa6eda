"""The backend's own convolution."""

from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Zeros

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]


def xla_conv(
    x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int = 1, groups: int = 1, spread: int = 1
) -> Image:
    """`reference.conv2d` with the zeros already known, by cuDNN, MIOpen, the TPU's matrix unit or XLA's CPU code.

    Args:
        spread: the pixels of `x` stand so far apart, with zeros between them.
    """
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), zeros, (spread, spread), (dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
    )  # fmt: skip
