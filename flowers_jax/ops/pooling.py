"""Pooling from its definition, with its gradients in closed form. Plain rather than fast, as `reference` is.

Notation: k the side of the window, s the stride, x~ the padded input.
"""

from collections.abc import Iterator, Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Geometry, Padding, geometry
from flowers_jax.ops.reference import Image, ImageLike

Averages = Float[Array, "batch _channels"]


def max_pool(x: ImageLike, size: int, stride: int, padding: Padding = "VALID") -> Image:
    """y[b, i, j, c] = max over u, v < k of x~[b, i s + u, j s + v, c].

    Args:
        x: [B, H, W, C].
        size: k.
        padding: `SAME`, `VALID` or ((top, bottom), (left, right)) places that hold -inf, so that they never win.

    Returns:
        [B, H', W', C], in the dtype of `x`.

    Raises:
        ValueError: the window does not fit; it names the shapes.
    """
    where = _geometry(x.shape, size, stride, padding)
    padded = _pad(x, where)
    y = jnp.full((x.shape[0], *where.output, x.shape[3]), -jnp.inf, padded.dtype)
    for rows, columns in _places(size, stride, where):
        y = jnp.maximum(y, padded[:, rows, columns])
    return y


def max_pool_grad(x: ImageLike, dy: ImageLike, size: int, stride: int, padding: Padding = "VALID") -> Image:
    """dL/dx[b, p, q, c] = sum of dL/dy[b, i, j, c] over the windows (i, j) whose maximum stands at (p, q).

    Of equal maxima the first in row order takes the whole gradient, as in `jax.grad` of `lax.reduce_window` and
    of Flax's `max_pool`. `jax.grad` of `jnp.max` differs: it divides the gradient equally among them.

    Raises:
        ValueError: as `max_pool`, or `dy` has not the shape of its output.
    """
    where = _geometry(x.shape, size, stride, padding)
    y = max_pool(x, size, stride, padding)
    if dy.shape != y.shape:
        raise ValueError(f"the output gradient has shape {dy.shape}, the output {y.shape}")
    padded = _pad(x, where)
    dx, is_found = jnp.zeros_like(padded), jnp.zeros(y.shape, bool)
    for rows, columns in _places(size, stride, where):
        is_first = (padded[:, rows, columns] == y) & ~is_found
        is_found |= is_first
        dx = dx.at[:, rows, columns].add(jnp.where(is_first, dy, 0))
    (top, _), (left, _) = where.zeros
    return dx[:, top : top + x.shape[1], left : left + x.shape[2]]


def global_average_pool(x: ImageLike) -> Averages:
    """y[b, c] = 1 / (H W) sum over i, j of x[b, i, j, c]: [B, H, W, C] -> [B, C].

    Raises:
        ValueError: `x` is not [B, H, W, C], or has no places to average.
    """
    _, height, width, _ = _sizes(x.shape)
    return jnp.sum(jnp.asarray(x), (1, 2)) / (height * width)


def global_average_pool_grad(dy: Averages, input_shape: Sequence[int]) -> Image:
    """dL/dx[b, i, j, c] = dL/dy[b, c] / (H W): every place bears an equal part.

    Raises:
        ValueError: `dy` is not [B, C] of an input [B, H, W, C].
    """
    batch, height, width, channels = _sizes(input_shape)
    if dy.shape != (batch, channels):
        raise ValueError(f"the output gradient has shape {dy.shape}, the output {(batch, channels)}")
    return jnp.broadcast_to(jnp.asarray(dy)[:, None, None] / (height * width), tuple(input_shape))


def _geometry(x: Sequence[int], size: int, stride: int, padding: Padding) -> Geometry:
    if size < 1:
        raise ValueError(f"size {size}: must be at least 1 (input {tuple(x)})")
    channels = x[-1]
    return geometry(x, (size, size, 1, channels), stride, padding, groups=channels)


def _pad(x: ImageLike, where: Geometry) -> Image:
    return jnp.pad(x, ((0, 0), *where.zeros, (0, 0)), constant_values=-jnp.inf)


def _places(size: int, stride: int, where: Geometry) -> Iterator[tuple[slice, slice]]:
    """For each place of the window, in row order, the rows and columns that it passes over."""
    height, width = where.output
    for u in range(size):
        for v in range(size):
            yield slice(u, u + (height - 1) * stride + 1, stride), slice(v, v + (width - 1) * stride + 1, stride)


def _sizes(shape: Sequence[int]) -> Sequence[int]:
    if len(shape) != 4 or not shape[1] * shape[2]:
        raise ValueError(f"input {tuple(shape)}: must be [B, H, W, C] with a place at least")
    return shape
