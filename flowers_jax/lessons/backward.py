"""Lesson 4: the gradients of a convolution by hand, compared with `jax.grad`."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from flowers_jax import ops
from flowers_jax.lessons.plane import Plane, correlate, plane, products, rows

X = plane([[2, 3, 4], [3, 1, 5], [4, -1, -2]])
F = plane([[0, 3], [1, -2]])
DO = np.ones((2, 2), np.float32)
"""dL/dO where L is the sum of O."""

Scalar = Float32[Array, ""]


def lines() -> list[str]:
    """The lesson's text, line by line."""
    sums, averages = automatic(jnp.sum), automatic(jnp.mean)
    return [
        "4. Backward by hand",
        "",
        *_beside("X", X, "F", F),
        "",
        "O, X * F with padding VALID:",
        *rows(correlate(X, F, "VALID")),
        *_written("O", X, F),
        f"its global average: {output().mean():g}",
        "",
        "dL/dF for dL/dO of ones: X correlated with dL/dO:",
        *rows(kernel_gradient()),
        *_written("dL/dF", X, DO),
        "",
        "dL/dX for the same: dL/dO in a ring of zeros, correlated with F turned by half a circle:",
        *rows(input_gradient()),
        *_written("dL/dX", np.pad(DO, 1), F[::-1, ::-1]),
        "",
        "jax.grad of the sum of O, with respect to F and to X:",
        *_beside("dF", sums[1], "dX", sums[0]),
        "",
        "jax.grad of the average of O, where dL/dO is a quarter everywhere:",
        *_beside("dF", averages[1], "dX", averages[0]),
    ]


def output() -> Plane:
    return correlate(X, F, "VALID")


def kernel_gradient() -> Plane:
    """dL/dF in closed form, for dL/dO of ones."""
    dy = DO[None, :, :, None]
    return np.asarray(ops.conv2d_kernel_grad(X[None, :, :, None], dy, (2, 2, 1, 1), 1, "VALID"))[:, :, 0, 0]


def input_gradient() -> Plane:
    """dL/dX in closed form, for dL/dO of ones."""
    dy = DO[None, :, :, None]
    return np.asarray(ops.conv2d_input_grad(dy, F[:, :, None, None], (1, 3, 3, 1), 1, "VALID"))[0, :, :, 0]


def automatic(loss: Callable[[Array], Scalar]) -> tuple[Plane, Plane]:
    """dL/dX and dL/dF from `jax.grad`, for L = loss(O)."""

    def of(x: Array, f: Array) -> Scalar:
        return loss(ops.conv2d(x[None, :, :, None], f[:, :, None, None], 1, "VALID"))

    dx, df = jax.grad(of, (0, 1))(jnp.asarray(X), jnp.asarray(F))
    return np.asarray(dx), np.asarray(df)


def written(image: Plane, kernel: Plane) -> list[list[str]]:
    """The sum for every position of a correlation without padding, with its numbers."""
    (height, width), (kh, kw) = image.shape, kernel.shape
    return [
        [products(image[i : i + kh, j : j + kw], kernel) for j in range(width - kw + 1)] for i in range(height - kh + 1)
    ]


def _written(name: str, image: Plane, kernel: Plane) -> list[str]:
    return [f"{name}[{i},{j}] = {text}" for i, row in enumerate(written(image, kernel)) for j, text in enumerate(row)]


def _beside(left: str, a: Plane, right: str, b: Plane) -> list[str]:
    """Two planes side by side, with aligned columns."""
    texts = [[left, *rows(a)], [right, *rows(b)]]
    width = max(map(len, texts[0]))
    height = max(map(len, texts))
    padded = [text + [""] * (height - len(text)) for text in texts]
    return [f"{x:<{width}}    {y}".rstrip() for x, y in zip(*padded, strict=True)]
