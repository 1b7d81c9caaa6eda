"""Random changes to training images, as pure functions on the device: (key, image) -> image, (key, batch) -> batch."""

from flowers_jax.augment.affine import FILL_MODES, apply_affine
from flowers_jax.augment.compose import Augment, augment_images, from_config, mix, stored
from flowers_jax.augment.generator import Generator
from flowers_jax.augment.mix import Examples, partner_rows

__all__ = [
    "FILL_MODES",
    "Augment",
    "Examples",
    "Generator",
    "apply_affine",
    "augment_images",
    "from_config",
    "mix",
    "partner_rows",
    "stored",
]
