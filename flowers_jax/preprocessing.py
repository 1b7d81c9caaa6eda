"""The input that a model expects."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, UInt8

from flowers_jax.types import Images

Pixels = Float32[Array, "batch height width 3"]
HostImage = UInt8[np.ndarray, "height width 3"]
Channels = tuple[float, float, float]

TINY, KERAS_EPSILON = 1e-14, 1e-6


@dataclass(frozen=True)
class Preprocessing:
    """From a photograph to the model's input.

    Attributes:
        size: height and width in pixels.
        resize: `crop` takes the central square of side `crop` times the shorter side; `stretch` resizes the
            whole photograph to a square (as Keras's `flow_from_directory`).
        crop: the fraction in `resize`.
        interpolation: `bilinear` or `bicubic`, antialiased.
        mean, std: per channel, of pixel values in [0, 1].
        samplewise: each image is normalized to mean 0 and standard deviation 1 by its own statistics, as in Keras's
            `ImageDataGenerator` with `samplewise_center` and `samplewise_std_normalization`.
    """

    size: int
    resize: str = "crop"
    crop: float = 0.875
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    samplewise: bool = False
    interpolation: str = "bilinear"

    def at(self, size: int, crop: float = 0.0) -> "Preprocessing":
        """The same at another size, and with another `crop` if that is not 0."""
        own = replace(self, size=size)
        return replace(own, resize="crop", crop=crop) if crop else own

    def normalized(self, how: str) -> "Preprocessing":
        """The same with the normalization `config.data.normalize`; `featurewise` statistics are measured later."""
        if how == "auto":
            return self
        return replace(self, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), samplewise=how == "samplewise")

    def normalize(self, images: Images | Pixels) -> Pixels:
        """0..255 of any type -> (x / 255 - mean) / std, float32."""
        mean, std = (jnp.array(values, jnp.float32) for values in (self.mean, self.std))
        pixels = jnp.asarray(images, jnp.float32) * (1 / (255 * std)) - mean / std
        return _standardize(pixels) if self.samplewise else pixels


def channel_statistics(images: Iterable[HostImage]) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel of images [H, W, 3] in [0, 1], as Keras's `ImageDataGenerator.fit`.

    Sums are whole numbers, one image at a time, so they are exact.
    """
    sums, squares, count = np.zeros(3, np.int64), np.zeros(3, np.int64), 0
    for image in images:
        pixels = image.reshape(-1, 3).astype(np.int64)
        sums, squares, count = sums + pixels.sum(0), squares + (pixels * pixels).sum(0), count + len(pixels)
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - mean * mean, 0))
    (mean_r, mean_g, mean_b), (std_r, std_g, std_b) = (mean / 255).tolist(), (std / 255 + KERAS_EPSILON).tolist()
    return (mean_r, mean_g, mean_b), (std_r, std_g, std_b)


def _standardize(pixels: Pixels) -> Pixels:
    centred = pixels - pixels.mean((1, 2, 3), keepdims=True)
    variance = (centred * centred).mean((1, 2, 3), keepdims=True)
    # The variance of an image of one colour is 0, where a square root has no gradient.
    return centred / (jnp.sqrt(jnp.maximum(variance, TINY)) + KERAS_EPSILON)
