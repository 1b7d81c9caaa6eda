"""The cases of `efficientnet.npz`: images and weights made alike where goldens are made and where they are tested."""

import zlib

import numpy as np

from tests.goldens.torchvision_case import images

SIZES = (224, 240, 260)
"""Of Google's weights, by version."""

SMALL = 65
"""Of random weights: odd, so that TensorFlow's SAME has no even share of zeros at every stride."""


def two_images(size: int) -> np.ndarray:
    """Two pictures of waves, float32 [2, size, size, 3]."""
    return images(size)[:2].astype(np.float32)


def random_tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor of that name in PyTorch's layout, float32, which depends on its name and shape alone."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if len(shape) == 1:
        return rng.normal(0, 0.2, shape).astype(np.float32)
    return rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
