"""The random transform of Keras's `ImageDataGenerator`, with the same names of settings.

Source: Keras `legacy/preprocessing/image.py` (`get_random_transform`, `apply_transform`).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from flowers_jax.augment.affine import Scalar, apply_affine
from flowers_jax.augment.colour import adjust_brightness, shift_channels
from flowers_jax.types import Picture


@dataclass(frozen=True)
class Generator:
    """The settings of `ImageDataGenerator`. The defaults change nothing.

    Attributes:
        rotation_range: degrees, in both directions.
        width_shift_range, height_shift_range: a fraction of the size if below 1, else pixels. As in Keras, the width
            shift moves the content vertically and the height shift moves it horizontally.
        documented_shifts: shifts move the content along the axis of their name.
        shear_range: degrees, in both directions.
        zoom_range: limits of the factors of height and width, which are independent; below 1 enlarges.
        brightness_range: limits of the factor.
        channel_shift_range: grey levels, in both directions.
    """

    rotation_range: float = 0.0
    width_shift_range: float = 0.0
    height_shift_range: float = 0.0
    shear_range: float = 0.0
    zoom_range: tuple[float, float] = (1.0, 1.0)
    brightness_range: tuple[float, float] = (1.0, 1.0)
    channel_shift_range: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    fill_mode: str = "nearest"
    cval: float = 0.0
    interpolation_order: int = 1
    documented_shifts: bool = False

    @property
    def moves_pixels(self) -> bool:
        """Whether it needs the affine transform."""
        ranges = (self.rotation_range, self.width_shift_range, self.height_shift_range, self.shear_range)
        return any(ranges) or self.zoom_range != (1.0, 1.0)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Transform:
    """One draw: the arguments of `apply_affine`, the flips, and the changes of colour."""

    theta: Scalar
    tx: Scalar
    ty: Scalar
    shear: Scalar
    zx: Scalar
    zy: Scalar
    flip_horizontal: Scalar
    flip_vertical: Scalar
    channel_shift: Scalar
    brightness: Scalar


def generator_transform(key: Key[Array, ""], image: Picture, generator: Generator) -> Picture:
    """`ImageDataGenerator.random_transform` of one image, 0 to 255."""
    height, width, _ = image.shape
    return apply(image, draw(key, generator, height, width), generator)


def draw(key: Key[Array, ""], generator: Generator, height: int, width: int) -> Transform:
    """Random parameters for an image [height, width, 3], each uniform in its range."""
    g, keys = generator, jax.random.split(key, 10)

    def either_side(index: int, most: float) -> Scalar:
        return jax.random.uniform(keys[index], minval=-most, maxval=most)

    def between(index: int, limits: tuple[float, float]) -> Scalar:
        return jax.random.uniform(keys[index], minval=limits[0], maxval=limits[1])

    rows = either_side(1, _pixels(g.height_shift_range, height))
    columns = either_side(2, _pixels(g.width_shift_range, width))
    tx, ty = (columns, rows) if g.documented_shifts else (rows, columns)
    return Transform(
        theta=either_side(0, g.rotation_range), tx=tx, ty=ty, shear=either_side(3, g.shear_range),
        zx=between(4, g.zoom_range), zy=between(5, g.zoom_range),
        flip_horizontal=jax.random.bernoulli(keys[6]) & g.horizontal_flip,
        flip_vertical=jax.random.bernoulli(keys[7]) & g.vertical_flip,
        channel_shift=either_side(8, g.channel_shift_range), brightness=between(9, g.brightness_range),
    )  # fmt: skip


def apply(image: Picture, transform: Transform, generator: Generator) -> Picture:
    """Change one image, 0 to 255, in Keras's order: affine, channels, flips, brightness.

    Changes that `generator` does not use are not computed. Keras rounds brightness to whole grey levels; this does not.
    """
    t, g = transform, generator
    if g.moves_pixels:
        image = apply_affine(
            image, t.theta, t.tx, t.ty, t.shear, t.zx, t.zy, g.fill_mode, g.cval, g.interpolation_order
        )
    if g.channel_shift_range:
        image = shift_channels(image, t.channel_shift)
    if g.horizontal_flip:
        image = jnp.where(t.flip_horizontal, image[:, ::-1], image)
    if g.vertical_flip:
        image = jnp.where(t.flip_vertical, image[::-1], image)
    if g.brightness_range != (1.0, 1.0):
        image = adjust_brightness(image, t.brightness)
    return image


def _pixels(shift: float, size: int) -> float:
    return shift * size if shift < 1 else shift
