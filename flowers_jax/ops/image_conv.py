"""The first convolution of a network, over the three channels of an image, for XLA's CPU backend.

Its convolution is twice as fast where the channels are a multiple of four, and its kernel gradient is four times as
slow as the product of matrices which that gradient is.
"""

import itertools
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Zeros, geometry
from flowers_jax.ops.xla import xla_conv

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def image_conv(x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int = 1) -> Image:
    """[B, H, W, I] x [kh, kw, I, O] -> [B, H', W', O] for few input channels; reverse-mode derivatives only."""
    missing = -x.shape[3] % 4
    # Behind a barrier, or XLA reads the image through the padding.
    x = lax.optimization_barrier(jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, missing))))
    return xla_conv(x, jnp.pad(kernel, ((0, 0), (0, 0), (0, missing), (0, 0))), stride, zeros, dilation)


def _forward(x: Image, kernel: Kernel, *static) -> tuple[Image, tuple[Image, Kernel]]:
    return image_conv(x, kernel, *static), (x, kernel)


def _backward(stride: int, zeros: Zeros, dilation: int, saved: tuple[Image, Kernel], dy: Image) -> tuple[Image, Kernel]:
    x, kernel = saved
    (dx,) = jax.linear_transpose(lambda x: xla_conv(x, kernel, stride, zeros, dilation), x)(dy)
    columns = _columns(x, kernel.shape, stride, zeros, dilation)
    dkernel = columns.reshape(-1, columns.shape[3]).T @ dy.reshape(-1, dy.shape[3])
    return dx, dkernel.reshape(kernel.shape)


image_conv.defvjp(_forward, _backward)


def _columns(x: Image, kernel_shape: Sequence[int], stride: int, zeros: Zeros, dilation: int) -> Image:
    """What the kernel sees at each place: [B, H', W', kh kw I] (im2col)."""
    kh, kw = kernel_shape[:2]
    _, (height, width) = geometry(x.shape, kernel_shape, stride, zeros, dilation)
    padded = lax.optimization_barrier(jnp.pad(x, ((0, 0), *zeros, (0, 0))))
    below, right = (height - 1) * stride + 1, (width - 1) * stride + 1
    places = itertools.product(range(0, kh * dilation, dilation), range(0, kw * dilation, dilation))
    views = [padded[:, u : u + below : stride, v : v + right : stride] for u, v in places]
    return lax.optimization_barrier(jnp.concatenate(views, 3))
