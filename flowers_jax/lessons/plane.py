"""Planes [H, W], one channel of one image: their convolution and their text."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from flowers_jax import ops
from flowers_jax.ops.geometry import Padding

Plane = Float32[np.ndarray, "_height _width"]


def plane(rows: Sequence[Sequence[float]]) -> Plane:
    return np.array(rows, np.float32)


def correlate(image: Plane, kernel: Plane, padding: Padding) -> Plane:
    """`ops.conv2d` of an image [H, W] and a kernel [kh, kw] with stride 1: [H', W'].

    Raises:
        ValueError: the kernel does not fit.
    """
    return np.asarray(ops.conv2d(image[None, :, :, None], kernel[:, :, None, None], 1, padding))[0, :, :, 0]


def number(value: float | np.floating) -> str:
    return f"{value + 0:g}"  # + 0 makes 0 of the -0 that 0*-8 gives


def cells(values: Plane) -> list[list[str]]:
    return [[number(value) for value in row] for row in values]


def rows(values: Plane) -> list[str]:
    """A line for each row; single spaces separate the numbers."""
    return [" ".join(row) for row in cells(values)]


def products(a: np.ndarray, b: np.ndarray) -> str:
    """`2*1 + 3*1 = 5`: the products at each position, in row order, and their sum."""
    pairs = zip(a.ravel(), b.ravel(), strict=True)
    return " + ".join(f"{number(x)}*{number(y)}" for x, y in pairs) + f" = {number((a * b).sum())}"
