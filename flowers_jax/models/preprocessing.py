"""What a model wants its input to be."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float32

from flowers_jax.types import Images


@dataclass(frozen=True)
class Preprocessing:
    """From a photograph to the model's input.

    Attributes:
        size: height and width in pixels.
        resize: `crop` takes the central square of side `crop` times the shorter side; `stretch` squeezes the
            whole photograph into the square (as Keras's `flow_from_directory`).
        crop: that fraction.
        mean, std: per channel, of pixel values in [0, 1].
    """

    size: int
    resize: str = "crop"
    crop: float = 0.875
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def normalize(self, images: Images) -> Float32[Array, "batch height width 3"]:
        """uint8 in 0..255 -> (x / 255 - mean) / std, float32."""
        scale = 1 / (255 * jnp.array(self.std, jnp.float32))
        return jnp.asarray(images, jnp.float32) * scale - jnp.array(self.mean, jnp.float32) / jnp.array(
            self.std, jnp.float32
        )
