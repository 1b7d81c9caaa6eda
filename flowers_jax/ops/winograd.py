"""A 3x3 convolution by Winograd's F(2x2, 3x3), for XLA's CPU backend: 16 products in place of 36.

Each 2x2 outputs come from 4x4 inputs. Inputs and kernels are spread into 16 parts, which are multiplied as 16 matrix
products over all tiles, and gathered again (Lavin and Gray 2015, https://arxiv.org/abs/1509.09308). The input gradient
is such a convolution too; the kernel gradient is a plain one, which is as fast. Numbers differ from the definition by
rounding alone: docs/convolution.md has the figures.
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Zeros, geometry
from flowers_jax.ops.plain_conv import kernel_grad
from flowers_jax.ops.windows import from_phases, pad, window

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "3 3 _inputs _outputs"]
Parts = Sequence[Sequence[Array]]
"""Rows and columns of arrays."""


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def winograd_conv(x: Image, kernel: Kernel, zeros: Zeros) -> Image:
    """[B, H, W, I] x [3, 3, I, O] -> [B, H', W', O] of stride 1; reverse-mode derivatives only."""
    _, (height, width) = geometry(x.shape, kernel.shape, 1, zeros)
    rows, columns = -(-height // 2), -(-width // 2)
    (top, bottom), (left, right) = zeros
    padded = pad(x, ((top, bottom + 2 * rows - height), (left, right + 2 * columns - width)))
    tiles = _both_axes(_spread, [[window(padded, u, v, (rows, columns), 2) for v in range(4)] for u in range(4)])
    weights = _both_axes(_spread_kernel, [[kernel[u, v] for v in range(3)] for u in range(3)])
    spread = lax.optimization_barrier((_stack(tiles).reshape(16, -1, x.shape[3]), _stack(weights)))
    products = lax.optimization_barrier(jnp.matmul(*spread))
    products = products.reshape(4, 4, x.shape[0], rows, columns, kernel.shape[3])
    outputs = _both_axes(_gather, [[products[u, v] for v in range(4)] for u in range(4)])
    return from_phases(lambda row, column: outputs[row][column], 2)[:, :height, :width]


def _forward(x: Image, kernel: Kernel, zeros: Zeros) -> tuple[Image, tuple[Image, Kernel]]:
    return winograd_conv(x, kernel, zeros), (x, kernel)


def _backward(zeros: Zeros, saved: tuple[Image, Kernel], dy: Image) -> tuple[Image, Kernel]:
    x, kernel = saved
    (top, bottom), (left, right) = (tuple(2 - zero for zero in border) for border in zeros)
    borders = (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))
    dx: Image = winograd_conv(dy, kernel[::-1, ::-1].swapaxes(2, 3), borders)  # type: ignore[assignment]
    dx = window(dx, max(-top, 0), max(-left, 0), x.shape[1:3], 1)
    return dx, kernel_grad(x, dy, (3, 3), 1, zeros)


winograd_conv.defvjp(_forward, _backward)


def _stack(parts: Parts) -> Array:
    return jnp.stack([part for row in parts for part in row])


def _both_axes(change: Callable[..., Sequence[Array]], parts: Parts) -> Parts:
    """`change` of each column, then of each row."""
    columns = [change(*column) for column in zip(*parts, strict=True)]
    return [change(*row) for row in zip(*columns, strict=True)]


def _spread(a: Array, b: Array, c: Array, d: Array) -> Sequence[Array]:
    return a - c, b + c, c - b, b - d


def _spread_kernel(a: Array, b: Array, c: Array) -> Sequence[Array]:
    return a, (a + b + c) / 2, (a - b + c) / 2, c


def _gather(a: Array, b: Array, c: Array, d: Array) -> Sequence[Array]:
    return a + b + c, b - c - d
