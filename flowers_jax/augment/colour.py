"""Changes of colour. Images are float32 [H, W, 3] in 0..255 and stay in that range.

Sources: Pillow `ImageEnhance`, torchvision `transforms/_functional_tensor.py`; ITU-R BT.601 for the weights of grey.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, Key

from flowers_jax import ops
from flowers_jax.augment.affine import Scalar
from flowers_jax.types import Picture

Grey = Float32[Array, "*size 1"]


def color_jitter(key: Key[Array, ""], image: Picture, strengths: tuple[float, float, float, float]) -> Picture:
    """torchvision's `ColorJitter`, always in this order: brightness, contrast, saturation, hue.

    Args:
        strengths: a factor is uniform in 1 - strength .. 1 + strength (not below 0). Hue, in turns of the colour
            circle, is uniform in -strength .. strength. A strength of 0 changes nothing.
    """
    settings = (adjust_brightness, 1), (adjust_contrast, 1), (adjust_saturation, 1), (adjust_hue, 0)
    for one, (change, neutral), strength in zip(jax.random.split(key, 4), settings, strengths, strict=True):
        if strength:
            least = max(neutral - strength, 0) if neutral else -strength
            factor = jax.random.uniform(one, minval=least, maxval=neutral + strength)
            # Kept, or XLA computes all changes before the next one again for each of its readers of a pixel.
            image = ops.kept_on_cpu(change(image, factor))
    return image


def adjust_brightness(image: Picture, factor: Scalar) -> Picture:
    """0 is black, 1 the image."""
    return blend(jnp.zeros_like(image), image, factor)


def adjust_contrast(image: Picture, factor: Scalar) -> Picture:
    """0 is the mean grey, 1 the image."""
    rows = image.reshape(len(image), -1)  # over rows first, which XLA runs twice as fast on a CPU
    return blend(grey(rows.mean(0).reshape(-1, 3).mean(0)), image, factor)


def adjust_saturation(image: Picture, factor: Scalar) -> Picture:
    """0 is the image in grey, 1 the image."""
    return blend(grey(image), image, factor)


def adjust_hue(image: Picture, turns: Scalar) -> Picture:
    """Turn the colour circle; brightness (the largest channel) and saturation do not change."""
    # Not `image.max(-1)`: its gradient searches the maximum again, and another fusion may round it differently: 0 / 0.
    largest, smallest = (functools.reduce(of, jnp.moveaxis(image, -1, 0)) for of in (jnp.maximum, jnp.minimum))
    spread = largest - smallest
    safe = jnp.where(spread > 0, spread, 1)  # grey has no hue; this also avoids 0 / 0 in gradients
    red, green, blue = ((largest - image[..., channel]) / safe for channel in range(3))
    sixths = jnp.where(
        image[..., 0] == largest,
        blue - green,
        jnp.where(image[..., 1] == largest, 2 + red - blue, 4 + green - red),
    )
    # Kept, or XLA computes all this again for each of the three channels.
    sixths, largest, spread = ops.kept_on_cpu((sixths + 6 * turns, largest, spread))
    # From HSV back to RGB: a channel is the largest minus a share of the spread (Smith 1978, in closed form).
    places = sixths[..., None] + jnp.array([5.0, 3.0, 1.0])
    places = places - 6 * jnp.floor(places / 6)  # places % 6 without the calls of fmod that XLA makes
    share = jnp.clip(jnp.minimum(places, 4 - places), 0, 1)
    return largest[..., None] - spread[..., None] * share


def shift_channels(image: Picture, intensity: Scalar) -> Picture:
    """Keras's `apply_channel_shift`: add to every channel, clipped to the range of the image."""
    constant = jax.lax.stop_gradient(image)  # see `adjust_hue`
    return jnp.clip(image + intensity, constant.min(), constant.max())


def blend(other: Array, image: Picture, factor: Scalar) -> Picture:
    """`other` for factor 0, the image for 1, extrapolated above 1; clipped to 0..255."""
    return jnp.clip(other + factor * (image - other), 0, 255)


def grey(image: Float32[Array, "*size 3"]) -> Grey:
    return image @ jnp.array([[0.299], [0.587], [0.114]])
