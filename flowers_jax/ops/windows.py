"""What a window reads of padded images, and how images are put together again from what windows give back."""

import itertools
from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Shaped

from flowers_jax.ops.geometry import Padding, geometry

Image = Shaped[Array, "_batch _height _width _channels"]
Borders = Sequence[tuple[int, int]]


def pad(x: Image, borders: Borders, value: float = 0) -> Image:
    """`x` with ((top, bottom), (left, right)) rows and columns of a value, which are computed once."""
    # Without the barrier XLA fuses the padding into each of the shifted reads and pays for it at every one.
    return lax.optimization_barrier(jnp.pad(x, ((0, 0), *borders, (0, 0)), constant_values=value))


def window(x: Image, row: int, column: int, size: Sequence[int], stride: int) -> Image:
    """What one place of a window sees: `size` rows and columns from (row, column), `stride` apart."""
    end = (x.shape[0], row + (size[0] - 1) * stride + 1, column + (size[1] - 1) * stride + 1, x.shape[3])
    return lax.slice(x, (0, row, column, 0), end, (1, stride, stride, 1))


def views(
    x: Image, size: Sequence[int], stride: int, padding: Padding, dilation: int = 1, value: float = 0
) -> list[Image]:
    """What each place of a window of `size` sees, row by row, where the border has that value: [B, H', W', C]."""
    borders, output = geometry(x.shape, (*size, x.shape[3], x.shape[3]), stride, padding, dilation)
    padded, places = pad(x, borders, value), itertools.product(*map(range, size))
    return [window(padded, u * dilation, v * dilation, output, stride) for u, v in places]


def from_phases(phase: Callable[[int, int], Image], stride: int) -> Image:
    """The image whose pixels (stride i + row, stride j + column) are those (i, j) of `phase(row, column)`."""
    if stride == 1:
        return phase(0, 0)
    phases = jnp.stack([jnp.stack([phase(r, c) for c in range(stride)], 3) for r in range(stride)], 2)
    batch, height, _, width, _, channels = phases.shape
    return phases.reshape(batch, stride * height, stride * width, channels)
