"""The backend's own convolution."""

from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Zeros

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]


def xla_conv(x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int = 1, groups: int = 1) -> Image:
    """`reference.conv2d` with the zeros already known, by cuDNN, MIOpen, the TPU's matrix unit or XLA's CPU code."""
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), zeros, rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
    )  # fmt: skip
