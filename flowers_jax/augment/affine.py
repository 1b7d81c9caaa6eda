"""The affine transform of Keras's `ImageDataGenerator`.

Sources: Keras `legacy/preprocessing/image.py` (`apply_affine_transform`) for the matrix, SciPy
`ndimage/src/ni_interpolation.c` (`affine_transform`, order 0 and 1) for values outside the image and between pixels.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, Num

FILL_MODES = ("nearest", "constant", "reflect", "wrap")

Scalar = Any
"""A number, or an array of shape [] that may be traced."""

Image = Num[Array, "height width channels"] | Num[np.ndarray, "height width channels"]


def apply_affine(
    image: Image,
    theta: Scalar = 0.0,
    tx: Scalar = 0.0,
    ty: Scalar = 0.0,
    shear: Scalar = 0.0,
    zx: Scalar = 1.0,
    zy: Scalar = 1.0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Float32[Array, "height width channels"]:
    """Keras's `apply_affine_transform`: each pixel is read at the position that the matrix gives.

    Python numbers are computed in float64 on the host, as in Keras; traced values in float32 on the device.

    Args:
        image: [H, W, C] of any type.
        theta, shear: degrees.
        tx, ty: pixels, along columns and along rows: Keras uses its two axes as x and y and then exchanges them.
        zx, zy: factors for columns and for rows; below 1 enlarges.
        fill_mode: how positions outside the image are read: one of `FILL_MODES`.
        cval: the value outside the image for `constant`.
        order: 0 takes the nearest pixel, 1 interpolates between the four pixels around.

    Raises:
        ValueError: another `fill_mode` or `order`.
    """
    if fill_mode not in FILL_MODES:
        raise ValueError(f"fill_mode {fill_mode!r}: must be one of {', '.join(FILL_MODES)}")
    if order not in (0, 1):
        raise ValueError(f"order {order}: must be 0 or 1")
    height, width, _ = image.shape
    matrix = affine_matrix(theta, tx, ty, shear, zx, zy, (height, width))
    return sample(image, matrix, (height, width), fill_mode, cval, order)


def affine_matrix(
    theta: Scalar, tx: Scalar, ty: Scalar, shear: Scalar, zx: Scalar, zy: Scalar, size: tuple[int, int]
) -> Array | np.ndarray:
    """[3, 3], from (row, column, 1) of the result to (row, column, 1) of the source.

    Rotation, shift, shear and zoom in this order about the centre. It is float64 NumPy unless a value is a JAX array.
    As in Keras, the centre of an image that is not square has half the height and half the width exchanged.
    """
    xp = jnp if any(isinstance(value, jax.Array) for value in (theta, tx, ty, shear, zx, zy)) else np
    turn, slant = xp.deg2rad(theta), xp.deg2rad(shear)
    x, y = (side / 2 - 0.5 for side in size)
    rotation = _matrix(xp, xp.cos(turn), -xp.sin(turn), 0, xp.sin(turn), xp.cos(turn), 0)
    shift = _matrix(xp, 1, 0, tx, 0, 1, ty)
    shearing = _matrix(xp, 1, -xp.sin(slant), 0, 0, xp.cos(slant), 0)
    zoom = _matrix(xp, zx, 0, 0, 0, zy, 0)
    about_centre = (
        _matrix(xp, 1, 0, x, 0, 1, y) @ (rotation @ shift @ shearing @ zoom) @ _matrix(xp, 1, 0, -x, 0, 1, -y)
    )
    return about_centre[np.array([1, 0, 2])][:, np.array([1, 0, 2])]


def sample(
    image: Image,
    matrix: Array | np.ndarray,
    size: tuple[int, int],
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Float32[Array, "_height _width channels"]:
    """[*size, C]; pixel (i, j) is the image at `matrix` times (i, j, 1). Other arguments as in `apply_affine`."""
    xp = jnp if isinstance(matrix, jax.Array) else np
    height, width, channels = image.shape
    i, j = xp.arange(size[0])[:, None], xp.arange(size[1])[None, :]
    rows, rows_inside = _fold(xp, matrix[0, 2] + i * matrix[0, 0] + j * matrix[0, 1], height, fill_mode)
    columns, columns_inside = _fold(xp, matrix[1, 2] + i * matrix[1, 0] + j * matrix[1, 1], width, fill_mode)
    pixels = jnp.asarray(image, jnp.float32).reshape(-1, channels)

    def at(row: Any, column: Any) -> Float32[Array, "_height _width channels"]:
        place = xp.clip(row, 0, height - 1) * width + xp.clip(column, 0, width - 1)
        return pixels.at[place].get(mode="promise_in_bounds")

    if order == 0:
        value = at(xp.floor(rows + 0.5).astype(np.int32), xp.floor(columns + 0.5).astype(np.int32))
    else:
        top, left = xp.floor(rows).astype(np.int32), xp.floor(columns).astype(np.int32)
        down, right = (jnp.asarray(a, jnp.float32)[..., None] for a in (rows - top, columns - left))
        upper = at(top, left) * (1 - right) + at(top, left + 1) * right
        lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
        value = upper * (1 - down) + lower * down
    if fill_mode == "constant":
        value = jnp.where(jnp.asarray(rows_inside & columns_inside)[..., None], value, cval)
    return value


def _fold(xp: Any, place: Any, length: int, fill_mode: str) -> tuple[Any, Any]:
    """Coordinates mapped into the image, and whether they were inside.

    Results may be outside by less than a pixel; `sample` clips them.
    """
    inside = (place >= 0) & (place <= length - 1)
    if length == 1:
        return xp.zeros_like(place), inside
    if fill_mode == "reflect":  # d c b a | a b c d | d c b a
        span = 2 * length
        low = place + span * xp.trunc(-place / span)
        high = place - span * xp.trunc(place / span)
        low = xp.where(low < -length, low + span, -low - 1)
        return xp.where(place < 0, low, xp.where(high >= length, span - high - 1, high)), inside
    if fill_mode == "wrap":  # the last pixel is the first again
        span = length - 1
        turns = xp.where(place < 0, -(xp.trunc(-place / span) + 1), xp.trunc(place / span))
        return xp.where(inside, place, place - span * turns), inside
    return xp.clip(place, 0, length - 1), inside


def _matrix(xp: Any, *entries: Scalar) -> Any:
    """[3, 3] from the first two rows."""
    return xp.stack([xp.asarray(entry) + 0.0 for entry in (*entries, 0, 0, 1)]).reshape(3, 3)
