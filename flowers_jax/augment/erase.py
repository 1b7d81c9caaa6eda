"""Random erasing (Zhong et al. 2017, https://arxiv.org/abs/1708.04896)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from flowers_jax.types import Picture

AREA, RATIO = (0.02, 1 / 3), (0.3, 1 / 0.3)


def random_erasing(
    key: Key[Array, ""], image: Picture, probability: float, fill: tuple[float, float, float]
) -> Picture:
    """Fill a random rectangle with a colour, with this probability.

    Its share of the area is uniform in 2 % to a third, and its ratio of height to width log-uniform in 0.3 to 3.3. It
    is no larger than the image, and its position is uniform.

    Args:
        fill: the colour, 0 to 255; the mean that the model subtracts gives zeros.
    """
    height, width, _ = image.shape
    keys = jax.random.split(key, 4)
    area = jax.random.uniform(keys[0], minval=AREA[0], maxval=AREA[1]) * height * width
    ratio = jnp.exp(jax.random.uniform(keys[1], minval=jnp.log(RATIO[0]), maxval=jnp.log(RATIO[1])))
    tall = jnp.minimum(jnp.round(jnp.sqrt(area * ratio)), height)
    wide = jnp.minimum(jnp.round(jnp.sqrt(area / ratio)), width)
    top, left = jnp.floor(jax.random.uniform(keys[2], (2,)) * jnp.stack([height - tall + 1, width - wide + 1]))
    rows, columns = jnp.arange(height)[:, None], jnp.arange(width)[None, :]
    inside = (rows >= top) & (rows < top + tall) & (columns >= left) & (columns < left + wide)
    erased = inside & jax.random.bernoulli(keys[3], probability)
    return jnp.where(erased[..., None], jnp.array(fill, jnp.float32), image)
