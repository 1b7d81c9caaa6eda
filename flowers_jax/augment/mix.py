"""Mixing pairs of examples: mixup (Zhang et al. 2017, https://arxiv.org/abs/1710.09412) and CutMix (Yun et al. 2019,
https://arxiv.org/abs/1905.04899).

Source: torchvision `transforms/v2/_augment.py`. One weight for the whole batch, Beta(alpha, alpha).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, Int, Key


class Examples(NamedTuple):
    """Images with the distribution over classes that they are to be given.

    Attributes:
        images: [B, H, W, 3], or features [B, F], which are not mixed.
        targets: [B, classes], rows sum to 1.
    """

    images: Float32[Array, "batch height width 3"] | Float32[Array, "batch features"]
    targets: Float32[Array, "batch classes"]


def mixup(key: Key[Array, ""], own: Examples, partners: Examples, alpha: float) -> Examples:
    """Images and targets, each as `weight` of its own and the rest of its partner's."""
    weight = jax.random.beta(key, alpha, alpha)
    return jax.tree.map(lambda a, b: weight * a + (1 - weight) * b, own, partners)


def cutmix(key: Key[Array, ""], own: Examples, partners: Examples, alpha: float) -> Examples:
    """A rectangle of each image is its partner's, and the targets have the shares of the area.

    The rectangle has the image's shape and 1 - weight of its area, lies around any of its pixels, and is cut off
    at the edges.
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
    """The partners' pixels in rows top to bottom and columns left to right, the ends excluded; targets by area."""
    top, left, bottom, right = box
    _, height, width, _ = own.images.shape
    rows, columns = jnp.arange(height)[:, None], jnp.arange(width)[None, :]
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    share = (bottom - top) * (right - left) / (height * width)
    images = jnp.where(inside[None, :, :, None], partners.images, own.images)
    return Examples(images, (1 - share) * own.targets + share * partners.targets)


def partner_rows(examples: Int[Array, ""], rows: Int[Array, " batch"]) -> Int[Array, " batch"]:
    """Whom each row of a batch is mixed with: the next of its `examples`, the first for the last.

    Batches are shuffled, so the next is any. Rows from `examples` on only fill up the batch and stay by themselves:
    neither they nor an example mixed with them would be counted right.
    """
    return jnp.where(rows < examples, (rows + 1) % examples, rows)
