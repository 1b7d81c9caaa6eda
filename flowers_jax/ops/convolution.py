"""Depthwise and pointwise convolution in the form that each backend runs fast, with equal numbers.

XLA's CPU backend runs a grouped convolution seven times slower than nine shifted multiply-adds, and a 1x1
convolution slower than the matrix product it is. A GPU or TPU has kernels for both.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from flowers_jax.types import Activations

Padding = Sequence[tuple[int, int]]
"""Zeros ((top, bottom), (left, right))."""


def depthwise_conv(
    x: Activations, kernel: Float[Array, "kh kw 1 channels"], stride: int, padding: Padding
) -> Activations:
    """Each channel with its own kernel: [B, H, W, C] x [kh, kw, 1, C] -> [B, H', W', C], dtype of `x`."""
    if jax.default_backend() == "cpu":
        return _shifted_add(x, kernel, stride, padding)
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


def pointwise_conv(x: Activations, kernel: Float[Array, "inputs outputs"]) -> Activations:
    """A 1x1 convolution, which is a dense layer for every pixel: [B, H, W, I] x [I, O] -> [B, H, W, O]."""
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def _shifted_add(x: Array, kernel: Array, stride: int, padding: Padding) -> Array:
    # Without the barrier XLA fuses the padding into each of the shifted reads and pays for it at every one.
    padded = lax.optimization_barrier(jnp.pad(x, ((0, 0), *padding, (0, 0))))
    kh, kw = kernel.shape[:2]
    height, width = ((size - k) // stride + 1 for size, k in zip(padded.shape[1:3], (kh, kw), strict=True))
    batch, channels = x.shape[0], x.shape[3]
    total = jnp.zeros((batch, height, width, channels), x.dtype)
    for row in range(kh):
        for column in range(kw):
            end = (batch, row + (height - 1) * stride + 1, column + (width - 1) * stride + 1, channels)
            window = lax.slice(padded, (0, row, column, 0), end, (1, stride, stride, 1))
            total += window * kernel[row, column, 0]
    return total
