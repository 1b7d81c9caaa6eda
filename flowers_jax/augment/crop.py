"""Random-resized-crop: a random part of the image at the size of the model (Szegedy et al. 2014).

Source: torchvision `transforms/transforms.py` (`RandomResizedCrop.get_params`).
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, Key

from flowers_jax import ops
from flowers_jax.augment.affine import Scalar
from flowers_jax.types import Picture

Box = Float32[Array, "4"]
"""(top, left, height, width) in pixels."""

RATIO = (3 / 4, 4 / 3)
TRIES = 10


def random_resized_crop(
    key: Key[Array, ""], image: Picture, scale: tuple[float, float], size: int
) -> Float32[Array, "size size 3"]:
    """[H, W, 3] -> [size, size, 3], bilinear. `scale` limits the part's share of the area."""
    top, left, tall, wide = draw_box(key, scale, *image.shape[:2])
    # Kept, or XLA would compute the two pixels of the rows again for each pixel: a quarter slower on a CPU.
    rows = ops.kept_on_cpu(_resized(image, top, tall, size, axis=0))
    return _resized(rows, left, wide, size, axis=1)


def _resized(image: Picture, start: Scalar, length: Scalar, size: int, axis: int) -> Float32[Array, "_height _width 3"]:
    """`size` places between `start` and `start + length` along an axis of the image, bilinear."""
    last = image.shape[axis] - 1
    # Pixels are areas: the centre of the first pixel of the result is half a step inside the box.
    places = jnp.clip(start + length / size * (jnp.arange(size) + 0.5) - 0.5, 0, last)
    low = jnp.floor(places).astype(jnp.int32)
    share = jnp.expand_dims(places - low, (1, 2) if axis == 0 else (0, 2))
    at = partial(jnp.take, image, axis=axis, mode="clip")
    return at(low) * (1 - share) + at(low + 1) * share


def draw_box(key: Key[Array, ""], scale: tuple[float, float], height: int, width: int) -> Box:
    """A random box, its share of the area uniform in `scale`, its ratio of width to height log-uniform in 3/4 to 4/3.

    It is the first of ten draws that fits into the image, or the largest central box of such a ratio if none fits.
    """
    areas, ratios, places = jax.random.split(key, 3)
    area = jax.random.uniform(areas, (TRIES,), minval=scale[0], maxval=scale[1]) * height * width
    low, high = (math.log(ratio) for ratio in RATIO)
    ratio = jnp.exp(jax.random.uniform(ratios, (TRIES,), minval=low, maxval=high))
    wide, tall = jnp.round(jnp.sqrt(area * ratio)), jnp.round(jnp.sqrt(area / ratio))
    fits = (wide <= width) & (tall <= height)
    first, whole = jnp.argmax(fits), min(max(width / height, RATIO[0]), RATIO[1])
    any_fits = fits.any()
    wide = jnp.where(any_fits, wide[first], min(width, round(height * whole)))
    tall = jnp.where(any_fits, tall[first], min(height, round(width / whole)))
    room = jnp.stack([height - tall, width - wide])
    anywhere = jnp.floor(jax.random.uniform(places, (2,)) * (room + 1))
    top, left = jnp.where(any_fits, anywhere, room / 2)
    return jnp.stack([top, left, tall, wide]).astype(jnp.float32)
