"""All augmentations of `config.augment`, in one program for a batch."""

import math
from dataclasses import dataclass, field, fields, replace

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32, Key

from flowers_jax.augment.colour import color_jitter
from flowers_jax.augment.crop import random_resized_crop
from flowers_jax.augment.erase import random_erasing
from flowers_jax.augment.generator import Generator, generator_transform
from flowers_jax.augment.mix import Examples, cutmix, mixup
from flowers_jax.augment.rand_augment import rand_augment
from flowers_jax.augment.registry import Applied, Augmentation, applied
from flowers_jax.config_types import MOST_SIDE, Config
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Pixels, Preprocessing
from flowers_jax.types import Images

WHOLE = (1.0, 1.0)


@dataclass(frozen=True)
class Augment:
    """The settings; the defaults change nothing. `config_types.Augment` explains each.

    `named` is the augmentation of `config.augment.name`.
    """

    generator: Generator = field(default_factory=Generator)
    crop_scale: tuple[float, float] = WHOLE
    crop_size: int = 0
    color_jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    rand_augment_layers: int = 0
    rand_augment_magnitude: float = 9.0
    random_erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    named: Applied | None = None

    @property
    def mixes(self) -> bool:
        """Whether examples are mixed with others."""
        return bool(self.mixup or self.cutmix)


def from_config(config: Config, augmentation: Augmentation | None = None) -> Augment:
    """The settings of `config.augment`, under the names of the fields here and of `Generator`.

    Args:
        augmentation: an object of Python in place of the name `config.augment.name`.
    """
    values = {field.name: getattr(config.augment, field.name) for field in fields(config.augment)}
    named = applied(values.pop("name"), values.pop("options"), augmentation)
    zoom = values["zoom_range"]
    values["zoom_range"] = zoom if len(zoom) == 2 else (1 - zoom[0], 1 + zoom[0])
    own = {field.name for field in fields(Augment)}
    generator = Generator(**{name: value for name, value in values.items() if name not in own})
    return Augment(generator, named=named, **{name: value for name, value in values.items() if name in own})


def stored(preprocessing: Preprocessing, augment: Augment) -> Preprocessing:
    """How training photographs are decoded: as all others, but with margins if they are cropped at random.

    For example the others are the central 7/8 at 224, and these are the whole square at 256.

    Raises:
        UsageError: the side of the square is more than `MOST_SIDE` pixels.
    """
    if augment.crop_scale == WHOLE:
        return preprocessing
    side = round(preprocessing.size / preprocessing.crop)
    if side > MOST_SIDE:
        least = math.ceil(1e4 * preprocessing.size / (MOST_SIDE + 0.5)) / 1e4
        raise UsageError(
            f"--config.data.crop={preprocessing.crop:g}: with --config.augment.crop_scale photographs keep their "
            f"margins: {side} pixels a side, more than {MOST_SIDE}; give --config.data.crop={least:g} or more"
        )
    return replace(preprocessing, size=side, crop=1.0)


def augment_images(
    keys: Key[Array, " batch"], images: Images | Pixels, augment: Augment, preprocessing: Preprocessing
) -> Float32[Array, "batch size size 3"]:
    """One draw for each image, from its key: [B, S, S, 3] in 0..255 -> [B, size, size, 3] in 0..255.

    The order is random-resized-crop, the generator's transform, colour jitter, RandAugment, the named one, random
    erasing.
    """
    a, size = augment, augment.crop_size or preprocessing.size
    crop, move, jitter, change, erase = jnp.moveaxis(jax.vmap(lambda key: jax.random.split(key, 5))(keys), 1, 0)
    pixels = jnp.asarray(images, jnp.float32)
    if a.crop_scale != WHOLE:
        pixels = jax.vmap(lambda key, image: random_resized_crop(key, image, a.crop_scale, size))(crop, pixels)
    pixels = jax.vmap(lambda key, image: generator_transform(key, image, a.generator))(move, pixels)
    if any(a.color_jitter):
        pixels = jax.vmap(lambda key, image: color_jitter(key, image, a.color_jitter))(jitter, pixels)
    if a.rand_augment_layers:  # image by image, because each image has other changes
        layers, magnitude = a.rand_augment_layers, a.rand_augment_magnitude
        pixels = lax.map(lambda pair: rand_augment(pair[0], pair[1], layers, magnitude), (change, pixels))
    if a.named:
        # A number of its own: the others draw the same random numbers as without it.
        pixels = a.named(jax.vmap(lambda key: jax.random.fold_in(key, 5))(keys), pixels)
    if a.random_erasing:
        red, green, blue = (255 * mean for mean in preprocessing.mean)
        pixels = jax.vmap(lambda key, image: random_erasing(key, image, a.random_erasing, (red, green, blue)))(
            erase, pixels
        )
    return pixels


def mix(key: Key[Array, ""], own: Examples, partners: Examples, augment: Augment) -> Examples:
    """mixup, CutMix, or one of the two at random, for the whole batch."""
    coin, draw = jax.random.split(key)
    if not augment.cutmix:
        return mixup(draw, own, partners, augment.mixup)
    if not augment.mixup:
        return cutmix(draw, own, partners, augment.cutmix)
    return lax.cond(
        jax.random.bernoulli(coin),
        lambda: mixup(draw, own, partners, augment.mixup),
        lambda: cutmix(draw, own, partners, augment.cutmix),
    )
