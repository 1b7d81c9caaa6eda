"""Flax's `nn.Conv` on the convolutions of this package, so that a model of plain Flax is fast on a CPU too."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Shaped

from flowers_jax.ops.convolution import convolve
from flowers_jax.ops.geometry import geometry

Operand = Shaped[Array | np.ndarray, "..."]

NHWC = lax.ConvDimensionNumbers((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))
"""Images [B, H, W, C], kernels [kh, kw, I, O]: how `nn.Conv` asks for two dimensions."""

DTYPES = (jnp.bfloat16, jnp.float32, jnp.float64)


def conv_general_dilated(
    lhs: Operand,
    rhs: Operand,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: Any = None,
    feature_group_count: int = 1,
    **others: Any,
) -> Shaped[Array, "..."]:
    """As `lax.conv_general_dilated`, and faster on a CPU: `nn.Conv(..., conv_general_dilated=conv_general_dilated)`.

    `convolve` runs what it can: [B, H, W, I] x [kh, kw, I / groups, O] -> [B, H', W', O] in bfloat16, float32 or
    float64, with one stride and one dilation for both axes. `lax.conv_general_dilated` gets every other case with the
    same arguments, a `precision` too. On a GPU or TPU all of it is the backend's convolution.

    Our code has reverse-mode derivatives of any order and no forward mode (`jax.jvp`, `jax.hessian`).

    Args:
        others: `batch_group_count`, `precision`, `preferred_element_type` and `out_sharding` of lax.

    Raises:
        ValueError, TypeError: those of lax.
    """
    lhs, rhs = jnp.asarray(lhs), jnp.asarray(rhs)
    numbers = lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    plain = all(value is None or (name, value) == ("batch_group_count", 1) for name, value in others.items())
    if numbers == NHWC and plain and lhs.dtype == rhs.dtype and lhs.dtype in DTYPES and _same(lhs_dilation) == 1:
        arguments = (_same(window_strides), padding, _same(rhs_dilation), feature_group_count)
        if _takes(lhs.shape, rhs.shape, *arguments):
            return convolve(lhs, rhs, *arguments)
    return lax.conv_general_dilated(
        lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, numbers, feature_group_count, **others
    )


def _same(values: Sequence[int] | None) -> int:
    """The stride or dilation of both axes; 0, which is none, where they differ."""
    if values is None:
        return 1
    return values[0] if len(values) == 2 and values[0] == values[1] else 0


def _takes(x: Sequence[Any], kernel: Sequence[Any], *arguments: Any) -> bool:
    """Whether `convolve` does. It refuses what lax takes in a few cases, as a kernel larger than the image."""
    if not all(isinstance(size, int) and size for size in (*x, *kernel)):  # empty, or unknown until it runs
        return False
    try:
        geometry(x, kernel, *arguments)
    except ValueError:
        return False
    return True
