"""One convolution for the models, run the way that the platform does fastest."""

from collections.abc import Callable, Sequence
from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Float

from flowers_jax.ops.depthwise import depthwise_conv
from flowers_jax.ops.geometry import Padding, Zeros, geometry
from flowers_jax.ops.image_conv import image_conv
from flowers_jax.ops.plain_conv import plain_conv
from flowers_jax.ops.platform import by_platform
from flowers_jax.ops.pointwise import pointwise_conv
from flowers_jax.ops.reference import conv2d
from flowers_jax.ops.winograd import winograd_conv
from flowers_jax.ops.xla import xla_conv

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]
Convolution = Callable[[Image, Kernel], Image]

PATHS = ("auto", "fast", "xla", "reference")
"""`fast` is our own code where we have some, `xla` the backend's convolution; auto: fast on a CPU, else xla."""

WINOGRAD_CHANNELS = 64
"""Fewer inputs or outputs than these are faster by XLA's own convolution: docs/convolution.md has the figures."""


def convolve(
    x: Image,
    kernel: Kernel,
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
    groups: int = 1,
    path: str = "auto",
) -> Image:
    """As `reference.conv2d`, whose arguments and errors these are, within 1e-5 whatever the path."""
    zeros, _ = geometry(x.shape, kernel.shape, stride, padding, dilation, groups)
    if path == "reference":
        return conv2d(x, kernel, stride, zeros, dilation, groups)
    ours = _ours(x, kernel.shape, stride, zeros, dilation, groups)
    xla = partial(xla_conv, stride=stride, zeros=zeros, dilation=dilation, groups=groups)
    if path == "xla" or ours is None:
        return xla(x, kernel)
    return ours(x, kernel) if path == "fast" else by_platform(ours, xla)(x, kernel)


def _ours(x: Image, kernel: Sequence[int], stride: int, zeros: Zeros, dilation: int, groups: int) -> Convolution | None:
    """Our code for these shapes; None where we have none."""
    if groups == x.shape[3] == kernel[3]:
        return lambda x, kernel: depthwise_conv(x, kernel, stride, zeros, dilation)
    if groups > 1:
        return None
    if kernel[:2] == (1, 1) and zeros == ((0, 0), (0, 0)):
        return lambda x, kernel: pointwise_conv(x[:, ::stride, ::stride], kernel[0, 0])
    if kernel[2] < 4:
        return lambda x, kernel: image_conv(x, kernel, stride, zeros, dilation)
    is_wide = min(kernel[2:]) >= WINOGRAD_CHANNELS and x.dtype != jnp.bfloat16  # in which sums of inputs round too much
    if kernel[:2] == (3, 3) and stride == dilation == 1 and is_wide:
        return lambda x, kernel: winograd_conv(x, kernel, zeros)
    return lambda x, kernel: plain_conv(x, kernel, stride, zeros, dilation)
