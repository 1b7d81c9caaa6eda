"""Depthwise convolution for XLA's CPU backend, which runs a grouped convolution 30 times slower than this.

Forward: one multiply-add for each place of the kernel, over shifted views of the padded input. Backward: the
input gradient likewise, and the kernel gradient as sums of products, both for a few images at a time so that
what they share stays in the processor's cache. docs/convolution.md has the formulas, `reference` the oracle.
"""

import functools
import operator
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Zeros
from flowers_jax.ops.windows import from_phases, pad, views, window

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw 1 _channels"]

TOGETHER = 2
"""Images whose gradients are computed at once: one number on every machine, or the bits would follow its cores."""


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def depthwise_conv(x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int = 1) -> Image:
    """Each channel with its own kernel: [B, H, W, C] x [kh, kw, 1, C] -> [B, H', W', C] in the dtype of `x`.

    Reverse-mode derivatives of any order; no forward mode.
    """
    return _forward(x, kernel, stride, zeros, dilation)[0]


def _forward(x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int) -> tuple[Image, tuple[Image, Kernel]]:
    seen = views(x, kernel.shape[:2], stride, zeros, dilation)
    products = (view * weights for view, (_, _, weights) in zip(seen, _taps(kernel), strict=True))
    return functools.reduce(operator.add, products), (x, kernel)


def _backward(stride: int, zeros: Zeros, dilation: int, saved: tuple[Image, Kernel], dy: Image) -> tuple[Image, Kernel]:
    x, kernel = saved
    height, width, channels = dy.shape[1:]
    together = next(count for count in range(min(len(dy), TOGETHER), 0, -1) if len(dy) % count == 0)

    def add(sums: list[Array], images: tuple[Array, Array]) -> tuple[list[Array], Array]:
        x, dy = lax.optimization_barrier(images)
        padded = pad(x, zeros)

        # Each slice is made once, by `lax.slice`: indexing them nine times took most of the time of tracing a network.
        @functools.cache
        def inputs(row: int, column: int) -> Array:
            return window(padded, row, column, (height, 1), stride)

        outputs = [window(dy, 0, j, (height, 1), 1) for j in range(width)]
        products = [
            functools.reduce(
                lax.add, (lax.mul(inputs(u * dilation, v * dilation + j * stride), dy) for j, dy in enumerate(outputs))
            )
            for u, v, _ in _taps(kernel)
        ]
        dx = _input_grad(dy, kernel, padded.shape, stride, zeros, dilation)
        return [total + product for total, product in zip(sums, products, strict=True)], dx

    start = [jnp.zeros((together, height, 1, channels), dy.dtype) for _ in _taps(kernel)]
    x_groups, dy_groups = (a.reshape(-1, together, *a.shape[1:]) for a in (x, dy))
    sums, dx = lax.scan(add, start, (x_groups, dy_groups))
    dkernel = jnp.stack([total.sum((0, 1, 2)) for total in sums]).reshape(kernel.shape)
    return dx.reshape(x.shape), dkernel


depthwise_conv.defvjp(_forward, _backward)


def _input_grad(dy: Image, kernel: Kernel, shape: Sequence[int], stride: int, zeros: Zeros, dilation: int) -> Image:
    """dL/dx for the padded input's `shape`.

    Places that are equal modulo the stride are reached by the same part of the kernel, so each of these phases is
    a correlation of stride 1; they are interleaved at the end.
    """
    reach = [(k - 1) * dilation // stride for k in kernel.shape[:2]]
    sizes = [-(-n // stride) for n in shape[1:3]]
    padded = pad(dy, [(r, n - m) for r, n, m in zip(reach, sizes, dy.shape[1:3], strict=True)])

    def phase(row: int, column: int) -> Array:
        parts = (
            window(padded, reach[0] - u * dilation // stride, reach[1] - v * dilation // stride, sizes, 1) * weights
            for u, v, weights in _taps(kernel)
            if (u * dilation % stride, v * dilation % stride) == (row, column)
        )
        return sum(parts, start=jnp.zeros((len(dy), *sizes, dy.shape[3]), dy.dtype))

    (top, bottom), (left, right) = zeros
    return from_phases(phase, stride)[:, top : shape[1] - bottom, left : shape[2] - right]


def _taps(kernel: Kernel) -> Iterator[tuple[int, int, Array]]:
    for row in range(kernel.shape[0]):
        for column in range(kernel.shape[1]):
            yield row, column, kernel[row, column, 0]
