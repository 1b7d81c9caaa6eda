"""The first convolution of a network, over the three channels of an image, for XLA's CPU backend.

It is a product of matrices with what the kernel sees at each place, and so is its kernel gradient. XLA's convolution of
so few channels is slower, its kernel gradient four times as slow.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Zeros
from flowers_jax.ops.plain_conv import input_grad
from flowers_jax.ops.windows import views

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def image_conv(x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int = 1) -> Image:
    """[B, H, W, I] x [kh, kw, I, O] -> [B, H', W', O] for few input channels; reverse-mode derivatives only."""
    seen = columns(x, kernel.shape[:2], stride, zeros, dilation)
    return (_rows(seen) @ _rows(kernel)).reshape(*seen.shape[:3], -1)


def _forward(x: Image, kernel: Kernel, *static) -> tuple[Image, tuple[Image, Kernel]]:
    return image_conv(x, kernel, *static), (x, kernel)


def _backward(stride: int, zeros: Zeros, dilation: int, saved: tuple[Image, Kernel], dy: Image) -> tuple[Image, Kernel]:
    x, kernel = saved
    dx = input_grad(dy, kernel, x.shape[1:3], stride, zeros, dilation)
    dkernel = _rows(columns(x, kernel.shape[:2], stride, zeros, dilation)).T @ _rows(dy)
    return dx, dkernel.reshape(kernel.shape)


image_conv.defvjp(_forward, _backward)


def columns(x: Image, size: Sequence[int], stride: int, zeros: Zeros, dilation: int = 1) -> Image:
    """What a kernel of `size` sees at each place: [B, H', W', kh kw I] (im2col)."""
    return lax.optimization_barrier(jnp.concatenate(views(x, size, stride, zeros, dilation), 3))


def _rows(x: Float[Array, "*_places _last"]) -> Float[Array, "_all _last"]:
    return x.reshape(-1, x.shape[-1])
