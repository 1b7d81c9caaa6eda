"""One convolution for the models, run the way that the backend does fastest."""

import jax
from jaxtyping import Array, Float

from flowers_jax.ops.depthwise import depthwise_conv
from flowers_jax.ops.geometry import Padding, geometry
from flowers_jax.ops.image_conv import image_conv
from flowers_jax.ops.pointwise import pointwise_conv
from flowers_jax.ops.reference import conv2d
from flowers_jax.ops.xla import xla_conv

PATHS = ("auto", "fast", "xla", "reference")
"""`fast` is our own depthwise and pointwise code, `xla` the backend's convolution; auto: fast on a CPU, else xla."""


def convolve(
    x: Float[Array, "batch _height _width _channels"],
    kernel: Float[Array, "_kh _kw _inputs _outputs"],
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
    groups: int = 1,
    path: str = "auto",
) -> Float[Array, "batch _height _width _outputs"]:
    """As `reference.conv2d`, whose arguments and errors these are, within 1e-5 whatever the path."""
    zeros, _ = geometry(x.shape, kernel.shape, stride, padding, dilation, groups)
    if path == "reference":
        return conv2d(x, kernel, stride, zeros, dilation, groups)
    if path == "fast" or (path == "auto" and jax.default_backend() == "cpu"):
        if groups == x.shape[3] == kernel.shape[3]:
            return depthwise_conv(x, kernel, stride, zeros, dilation)
        if kernel.shape[:2] == (1, 1) and groups == 1 and zeros == ((0, 0), (0, 0)):
            return pointwise_conv(x[:, ::stride, ::stride], kernel[0, 0])
        if kernel.shape[2] < 4 and groups == 1:
            return image_conv(x, kernel, stride, zeros, dilation)
    return xla_conv(x, kernel, stride, zeros, dilation, groups)
