"""The case of `torchvision.npz`: weights and images made alike where the goldens are made and where they are tested."""

import zlib

import numpy as np

ALPHA, CLASSES, SIZES = 0.35, 7, (64, 65)


def random_tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A weight of torchvision's MobileNetV2, which depends on its name alone.

    What goes into ReLU6 is around 3, where it passes, or around -3 or 9, where it does not, and not near its bends:
    there rounding would decide on the gradient.
    """
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    inner = name.split(".")[3:-1]  # of a block's `conv.0.1.weight`: ["0", "1"]; only the projection has one number
    project = name.startswith("features") and len(inner) == 1
    if name.endswith("num_batches_tracked"):
        return np.array(0)
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape)
    if name.endswith(("running_mean", "classifier.1.bias")) or (project and name.endswith("bias")):
        return rng.normal(0, 0.2, shape)
    if name.endswith("bias"):
        return rng.choice([-3, 3, 9], shape, p=[0.1, 0.8, 0.1])
    if len(shape) == 1:
        return rng.uniform(0.5, 1.5, shape) * (1 if project else 0.15)
    centred = rng.normal(0, 2 if project else 1, shape)
    axes = tuple(range(1, len(shape)))
    return (centred - centred.mean(axes, keepdims=True)) / np.sqrt(np.prod(shape[1:]))


def images(size: int) -> np.ndarray:
    """Three waves, float64 [3, size, size, 3]."""
    y, x = np.mgrid[:size, :size] / size
    waves = [np.sin(2 * np.pi * (a * y + b * x) + c) for a, b, c in np.random.default_rng(0).uniform(0, 5, (9, 3))]
    return np.stack(waves, -1).reshape(size, size, 3, 3).transpose(2, 0, 1, 3)


def loss_weights() -> np.ndarray:
    """The loss is the sum of the logits times these, [3, CLASSES]."""
    return np.random.default_rng(1).normal(size=(3, CLASSES))


def row(name: str, array: np.ndarray) -> np.ndarray:
    """The largest absolute value of an array, and sixteen values, which its name decides, so that the file is small."""
    flat = np.asarray(array).ravel()
    chosen = flat[np.random.default_rng(zlib.crc32(name.encode())).integers(0, flat.size, 16)]
    return np.array([np.abs(flat).max(), *chosen], np.float32)
