"""The maximum of each window, as XLA's CPU backend runs it fast, with a gradient that it runs ten times as fast."""

import itertools
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from flowers_jax.ops.barrier import kept_on_cpu
from flowers_jax.ops.geometry import Padding, Zeros, geometry
from flowers_jax.ops.platform import by_platform
from flowers_jax.ops.windows import from_phases, pad, views, window

Image = Float[Array, "_batch _height _width _channels"]


def max_pool(x: Image, size: int, stride: int, padding: Padding = "VALID", path: str = "auto") -> Image:
    """`nn.max_pool` over windows of size x size pixels: [B, H, W, C] -> [B, H', W', C].

    Of equal numbers in a window the first, row by row, gets the gradient, as in Keras and PyTorch.

    Args:
        padding: `SAME`, `VALID` or ((top, bottom), (left, right)); the border is never the maximum.
        path: one of `PATHS`. The code of this file runs with `fast`, and with `auto` on a CPU.

    Raises:
        ValueError: the window is larger than the padded image.
    """
    borders, _ = geometry(x.shape, (size, size, x.shape[3], x.shape[3]), stride, padding)
    xla, ours = (partial(pool, size=size, stride=stride, borders=borders) for pool in (_maxima, _max_pool))
    if path in ("xla", "reference"):
        return xla(x)
    return ours(x) if path == "fast" else by_platform(ours, xla)(x)


def _maxima(x: Image, size: int, stride: int, borders: Zeros) -> Image:
    windows = (1, size, size, 1), (1, stride, stride, 1), ((0, 0), *borders, (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, *windows)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _max_pool(x: Image, size: int, stride: int, borders: Zeros) -> Image:
    """The maxima of shifted views, with whole vectors; XLA's `reduce_window` goes from number to number."""
    return kept_on_cpu(reduce(jnp.maximum, views(x, (size, size), stride, borders, value=-jnp.inf)))


def _forward(x: Image, *static) -> tuple[Image, Image]:
    return _max_pool(x, *static), x


def _backward(size: int, stride: int, borders: Zeros, x: Image, dy: Image) -> tuple[Image]:
    reach = (size - 1) // stride
    rooms = [-(-(n + sum(border)) // stride) for n, border in zip(x.shape[1:3], borders, strict=True)]
    spread = [(reach, room - n) for room, n in zip(rooms, dy.shape[1:3], strict=True)]
    chosen, dy = pad(_chosen(x, size, stride, borders), spread, -1), pad(dy, spread)

    def phase(row: int, column: int) -> Image:
        total = jnp.zeros((len(dy), *rooms, dy.shape[3]), dy.dtype)
        for u, v in itertools.product(range(row, size, stride), range(column, size, stride)):
            above, before = reach - u // stride, reach - v // stride
            is_chosen = window(chosen, above, before, rooms, 1) == u * size + v
            total += jnp.where(is_chosen, window(dy, above, before, rooms, 1), 0)
        return total

    top, left = borders[0][0], borders[1][0]
    return (from_phases(phase, stride)[:, top : top + x.shape[1], left : left + x.shape[2]],)


_max_pool.defvjp(_forward, _backward)


def _chosen(x: Image, size: int, stride: int, borders: Zeros) -> Int[Array, "_batch _rows _columns _channels"]:
    """The number of the first place in each window that has its maximum, counted row by row."""
    best, *others = views(x, (size, size), stride, borders, value=-jnp.inf)
    chosen = jnp.zeros(best.shape, jnp.int8 if size * size < 128 else jnp.int32)
    for place, seen in enumerate(others, 1):
        chosen = jnp.where(seen > best, jnp.array(place, chosen.dtype), chosen)
        best = jnp.maximum(best, seen)
    return chosen
