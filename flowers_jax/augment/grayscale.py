"""Photographs without colour."""

import jax
import jax.numpy as jnp
from jaxtyping import Array
from jaxtyping import Key as PRNGKey

from flowers_jax.augment.colour import grey
from flowers_jax.augment.registry import Augmentation, register
from flowers_jax.config_key import SHARE, Key
from flowers_jax.types import Picture

OPTIONS = {"probability": Key(0.1, SHARE, "probability that a training image loses its colour")}


def grayscale(key: PRNGKey[Array, ""], image: Picture, *, probability: float) -> Picture:
    """As torchvision's `RandomGrayscale`."""
    without = jnp.broadcast_to(grey(image), image.shape)
    return jnp.where(jax.random.bernoulli(key, probability), without, image)


register(Augmentation("grayscale", grayscale, OPTIONS))
