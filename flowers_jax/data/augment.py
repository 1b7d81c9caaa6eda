"""Random changes to training images, as pure jitted functions of (keys, batch) on the device."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from flowers_jax.types import Images


def random_flip(keys: Key[Array, " batch"], images: Images) -> Images:
    """Mirror each image left to right with probability one half; one key an image."""
    mirrored = jax.vmap(jax.random.bernoulli)(keys)
    return jnp.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
