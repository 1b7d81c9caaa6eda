"""Random changes to training images, as pure functions on the device: (key, image) -> image, (key, batch) -> batch."""

from flowers_jax.augment import grayscale, trivial_augment  # noqa: F401  (register themselves)
from flowers_jax.augment.affine import FILL_MODES, apply_affine
from flowers_jax.augment.compose import Augment, augment_images, from_config, mix, stored
from flowers_jax.augment.generator import Generator
from flowers_jax.augment.mix import Examples, partner_rows
from flowers_jax.augment.registry import AUGMENTATIONS, Augmentation, find, register

__all__ = [
    "AUGMENTATIONS",
    "FILL_MODES",
    "Augment",
    "Augmentation",
    "Examples",
    "Generator",
    "apply_affine",
    "augment_images",
    "find",
    "from_config",
    "mix",
    "partner_rows",
    "register",
    "stored",
]
