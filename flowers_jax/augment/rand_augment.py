"""RandAugment (Cubuk et al. 2019, https://arxiv.org/abs/1909.13719): a few random changes of one strength.

Sources: torchvision `transforms/autoaugment.py` (`RandAugment`) for the fourteen changes and their strengths, Pillow's
`ImageOps` and `ImageEnhance` for each change.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Key

from flowers_jax.augment import colour
from flowers_jax.augment.affine import Scalar, sample
from flowers_jax.types import Picture

STRONGEST = 30


def rand_augment(key: Key[Array, ""], image: Picture, layers: int, magnitude: Scalar) -> Picture:
    """`layers` changes drawn from `CHANGES`, one after the other, each in a random direction.

    Args:
        magnitude: 0 to 30; the paper's best for ImageNet is 9.
    """
    strength = magnitude / STRONGEST
    for one in jax.random.split(key, layers):
        which, side = jax.random.split(one)
        signed = jnp.where(jax.random.bernoulli(side), strength, -strength)
        # Do not use under vmap, which would compute every change for every image.
        image = lax.switch(jax.random.randint(which, (), 0, len(CHANGES)), CHANGES, image, signed)
    return image


def autocontrast(image: Picture, strength: Scalar = 0.0) -> Picture:
    """Stretch each channel over 0..255."""
    del strength
    constant = lax.stop_gradient(image)  # see `adjust_hue`
    rows = constant.reshape(len(image), -1)  # over rows first, which XLA runs five times as fast on a CPU
    low, high = rows.min(0).reshape(-1, 3).min(0), rows.max(0).reshape(-1, 3).max(0)
    spread = jnp.where(high > low, high - low, 1)
    return jnp.where(high > low, jnp.clip((image - low) * (255 / spread), 0, 255), image)


def equalize(image: Picture, strength: Scalar = 0.0) -> Picture:
    """Equalize each channel's histogram, as Pillow does; whole grey levels."""
    del strength
    greys = jnp.round(image).astype(jnp.int32)

    def one(channel: Array) -> Array:
        counts = jnp.zeros(256, jnp.int32).at[channel.ravel()].add(1)
        last = counts[channel.max()]
        step = (counts.sum() - last) // 255
        table = jnp.clip((step // 2 + jnp.cumsum(counts) - counts) // jnp.maximum(step, 1), 0, 255)
        # It is in order already: XLA on a CPU computes what is sorted once, and the rest again for each pixel.
        return jnp.sort(jnp.where(step > 0, table, jnp.arange(256)))[channel]

    return jnp.stack([one(greys[..., channel]) for channel in range(3)], -1).astype(jnp.float32)


def solarize(image: Picture, strength: Scalar) -> Picture:
    """Invert values at or above the threshold, which falls from 255 to 0 with the strength."""
    return jnp.where(image >= 255 * (1 - jnp.abs(strength)), 255 - image, image)


def posterize(image: Picture, strength: Scalar) -> Picture:
    """Keep the upper 8 (weak) to 4 (strong) bits."""
    bits = 8 - jnp.round(jnp.abs(strength) * STRONGEST / (STRONGEST / 4)).astype(jnp.int32)
    step = 2.0 ** (8 - bits)
    return jnp.floor(image / step) * step


def sharpness(image: Picture, strength: Scalar) -> Picture:
    """Blend with the image smoothed by a 3x3 window: sharper or softer; the outermost pixels do not change."""
    weights = jnp.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], jnp.float32) / 13
    height, width, _ = image.shape
    if min(height, width) < 3:
        return image
    windows = (
        image[u : u + height - 2, v : v + width - 2] * weights[u, v] for u in range(3) for v in range(3)
    )  # fmt: skip
    smooth = image.at[1:-1, 1:-1].set(sum(windows, start=jnp.zeros((height - 2, width - 2, 3))))
    return colour.blend(smooth, image, 1 + 0.9 * strength)


def _shear_x(image: Picture, strength: Scalar) -> Picture:
    return _move(image, [[1, 0, 0], [0.3 * strength, 1, 0]])


def _shear_y(image: Picture, strength: Scalar) -> Picture:
    return _move(image, [[1, 0.3 * strength, 0], [0, 1, 0]])


def _translate_x(image: Picture, strength: Scalar) -> Picture:
    return _move(image, [[1, 0, 0], [0, 1, 150 / 331 * image.shape[1] * strength]])


def _translate_y(image: Picture, strength: Scalar) -> Picture:
    return _move(image, [[1, 0, 150 / 331 * image.shape[0] * strength], [0, 1, 0]])


def _rotate(image: Picture, strength: Scalar) -> Picture:
    turn = jnp.deg2rad(30 * strength)
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    return _move(image, [[cos, -sin, 0], [sin, cos, 0]])


def _move(image: Picture, entries: list[list[Scalar]]) -> Picture:
    """Affine transform by `entries` about the centre; outside the image it is mid-grey."""
    linear = jnp.stack([jnp.stack([jnp.asarray(entry, jnp.float32) for entry in row]) for row in entries])
    centre = (jnp.array(image.shape[:2], jnp.float32) - 1) / 2
    offset = linear[:, 2] + centre - linear[:, :2] @ centre
    matrix = jnp.concatenate([linear[:, :2], offset[:, None]], 1)
    return sample(image, matrix, image.shape[:2], "constant", 128.0)  # type: ignore[arg-type]


CHANGES: tuple[Callable[[Picture, Scalar], Picture], ...] = (
    lambda image, _: image,
    _shear_x,
    _shear_y,
    _translate_x,
    _translate_y,
    _rotate,
    lambda image, strength: colour.adjust_brightness(image, 1 + 0.9 * strength),
    lambda image, strength: colour.adjust_saturation(image, 1 + 0.9 * strength),
    lambda image, strength: colour.adjust_contrast(image, 1 + 0.9 * strength),
    sharpness,
    posterize,
    solarize,
    autocontrast,
    equalize,
)
"""Functions (image, strength in -1 to 1) -> changed image."""
