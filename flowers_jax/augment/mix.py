"""Mixing pairs of examples: mixup (Zhang et al. 2017, https://arxiv.org/abs/1710.09412) and CutMix (Yun et al. 2019,
https://arxiv.org/abs/1905.04899).

Source: torchvision `transforms/v2/_augment.py`. One weight for the whole batch, Beta(alpha, alpha).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, Int, Key


class Examples(NamedTuple):
    """Images with their target distribution over classes.

    Attributes:
        images: [B, H, W, 3], or features [B, F], which are not mixed.
        targets: [B, classes], rows sum to 1.
    """

    images: Float32[Array, "batch height width 3"] | Float32[Array, "batch features"]
    targets: Float32[Array, "batch classes"]


def mixup(key: Key[Array, ""], own: Examples, partners: Examples, alpha: float) -> Examples:
    """Images and targets: `weight` times its own plus the rest of its partner's."""
    weight = jax.random.beta(key, alpha, alpha)
    return jax.tree.map(lambda a, b: weight * a + (1 - weight) * b, own, partners)


def cutmix(key: Key[Array, ""], own: Examples, partners: Examples, alpha: float) -> Examples:
    """Replace a rectangle of each image by its partner's pixels, and mix the targets by area.

    The rectangle has the proportions of the image and 1 - weight of its area. Its centre is any pixel, and it is cut at
    the edges.
    """
    first, second = jax.random.split(key)
    _, height, width, _ = own.images.shape
    side = jnp.sqrt(1 - jax.random.beta(first, alpha, alpha))
    middle = jnp.floor(jax.random.uniform(second, (2,)) * jnp.array([height, width]))
    half = jnp.floor(side * jnp.array([height, width]) / 2)
    top, left = jnp.maximum(middle - half, 0)
    bottom, right = jnp.minimum(middle + half, jnp.array([height, width]))
    return paste(own, partners, (top, left, bottom, right))


def paste(own: Examples, partners: Examples, box: tuple[Array, Array, Array, Array]) -> Examples:
    """Paste the partners' pixels of rows top..bottom and columns left..right (ends excluded); mix targets by area."""
    top, left, bottom, right = box
    _, height, width, _ = own.images.shape
    rows, columns = jnp.arange(height)[:, None], jnp.arange(width)[None, :]
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    share = (bottom - top) * (right - left) / (height * width)
    images = jnp.where(inside[None, :, :, None], partners.images, own.images)
    return Examples(images, (1 - share) * own.targets + share * partners.targets)


def partner_rows(examples: Int[Array, ""], rows: Int[Array, " batch"]) -> Int[Array, " batch"]:
    """The partner of each row of a batch: the next of its `examples`; the partner of the last is the first.

    Batches are shuffled, so the next example is a random one. Rows from `examples` on only fill the batch and are not
    mixed, because they, and an example mixed with them, would be counted wrongly.
    """
    return jnp.where(rows < examples, (rows + 1) % examples, rows)
