"""What a model wants its input to be."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, UInt8

from flowers_jax.types import Images

Pixels = Float32[Array, "batch height width 3"]
HostImages = UInt8[np.ndarray, "examples height width 3"]
Channels = tuple[float, float, float]

TINY, KERAS_EPSILON = 1e-14, 1e-6


@dataclass(frozen=True)
class Preprocessing:
    """From a photograph to the model's input.

    Attributes:
        size: height and width in pixels.
        resize: `crop` takes the central square of side `crop` times the shorter side; `stretch` squeezes the
            whole photograph into the square (as Keras's `flow_from_directory`).
        crop: that fraction.
        interpolation: `bilinear` or `bicubic`, antialiased.
        mean, std: per channel, of pixel values in [0, 1].
        samplewise: each image is brought to mean 0 and standard deviation 1 by itself, as Keras's
            `ImageDataGenerator` does with `samplewise_center` and `samplewise_std_normalization`.
    """

    size: int
    resize: str = "crop"
    crop: float = 0.875
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    samplewise: bool = False
    interpolation: str = "bilinear"

    def at(self, size: int, crop: float = 0.0) -> "Preprocessing":
        """The same at another size and, unless it is 0, with another central square."""
        own = replace(self, size=size)
        return replace(own, resize="crop", crop=crop) if crop else own

    def normalized(self, how: str) -> "Preprocessing":
        """The same as `config.data.normalize` wants it; of `featurewise` the statistics are still to be measured."""
        if how == "auto":
            return self
        return replace(self, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), samplewise=how == "samplewise")

    def normalize(self, images: Images | Pixels) -> Pixels:
        """0..255 of whatever type -> (x / 255 - mean) / std, float32."""
        mean, std = (jnp.array(values, jnp.float32) for values in (self.mean, self.std))
        pixels = jnp.asarray(images, jnp.float32) * (1 / (255 * std)) - mean / std
        return _standardize(pixels) if self.samplewise else pixels


def channel_statistics(images: HostImages) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel in [0, 1], as `ImageDataGenerator.fit` finds them featurewise.

    One image at a time in whole numbers, which are exact: [N, H, W, 3].
    """
    sums, squares = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for image in images:
        pixels = image.reshape(-1, 3).astype(np.int64)
        sums, squares = sums + pixels.sum(0), squares + (pixels * pixels).sum(0)
    count = images.size // 3
    mean = sums / count
    std = np.sqrt(np.maximum(squares / count - mean * mean, 0))
    (mean_r, mean_g, mean_b), (std_r, std_g, std_b) = (mean / 255).tolist(), (std / 255 + KERAS_EPSILON).tolist()
    return (mean_r, mean_g, mean_b), (std_r, std_g, std_b)


def _standardize(pixels: Pixels) -> Pixels:
    centred = pixels - pixels.mean((1, 2, 3), keepdims=True)
    variance = (centred * centred).mean((1, 2, 3), keepdims=True)
    # Of an even image the variance is 0, where a square root has no gradient.
    return centred / (jnp.sqrt(jnp.maximum(variance, TINY)) + KERAS_EPSILON)
