"""A picture of the augmentation: a row for each photograph, a column for each draw."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw, ImageFont

from flowers_jax.augment.compose import Augment, augment_images, mix, stored
from flowers_jax.augment.mix import Examples
from flowers_jax.data.decode import decode_for
from flowers_jax.preprocessing import Preprocessing

GAP, TITLE = 6, 26
"""Pixels between the cells, and the height of the title line."""


def draw_grid(
    photographs: Sequence[bytes], augment: Augment, preprocessing: Preprocessing, views: int, seed: int
) -> Image.Image:
    """The first column is the input of evaluation, the next `views` columns are draws of the augmentation.

    If examples are mixed, each is mixed with the one in the row below (the last with the first), and the share of its
    own label is written on it.
    """
    size = preprocessing.size
    as_it_is = np.stack([decode_for(data, preprocessing) for data in photographs])
    larger = np.stack([decode_for(data, stored(preprocessing, augment)) for data in photographs])
    draw = jax.jit(partial(_draw, augment=augment, preprocessing=preprocessing))
    columns = [(as_it_is, np.ones(len(photographs), np.float32))]
    for view in range(views):
        drawn, own = jax.device_get(draw(jax.random.fold_in(jax.random.key(seed), view), jnp.asarray(larger)))
        columns.append((np.clip(np.round(drawn), 0, 255).astype(np.uint8), own))
    width, height = (count * (size + GAP) + GAP for count in (len(columns), len(photographs)))
    grid = Image.new("RGB", (width, height + TITLE), "white")
    pen, font = ImageDraw.Draw(grid), ImageFont.load_default(16)
    for column, (images, own) in enumerate(columns):
        left = GAP + column * (size + GAP)
        pen.text((left, 5), str(column) if column else "evaluation", "black", font)
        for row, image in enumerate(images):
            top = TITLE + GAP + row * (size + GAP)
            grid.paste(Image.fromarray(image), (left, top))
            if own[row] < 1:
                pen.text((left + 4, top + 2), f"{own[row]:.0%}", "white", font, stroke_width=2, stroke_fill="black")
    return grid


def _draw(
    key: jax.Array,
    images: UInt8[jax.Array, "photographs _size _size 3"],
    *,
    augment: Augment,
    preprocessing: Preprocessing,
) -> tuple[Float32[jax.Array, "photographs size size 3"], Float32[jax.Array, " photographs"]]:
    """The augmented images, and the share of its own label in each target."""

    keys = jax.random.split(key, len(images) + 1)
    own = Examples(augment_images(keys[1:], images, augment, preprocessing), jnp.eye(len(images)))
    if augment.mixes:
        own = mix(keys[0], own, jax.tree.map(lambda leaf: jnp.roll(leaf, -1, 0), own), augment)
    return own.images, jnp.diagonal(own.targets)
