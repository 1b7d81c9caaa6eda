"""The case of `grad_cam.npz`: weights and images made alike where the goldens are made and where they are tested."""

import numpy as np

SIZE, CLASSES, CHANNELS = 32, 5, (8, 12)
"""Two convolutions 3x3 of stride 2, each with BatchNorm and ReLU, then max-pool 2x2, mean over space, dense layer."""


def weights() -> dict[str, np.ndarray]:
    """float32, by the names of PyTorch; kernels are [out, in, height, width] and [out, in]."""
    rng, found, inputs = np.random.default_rng(0), {}, 3
    for layer, outputs in enumerate(CHANNELS):
        found[f"conv_{layer}.weight"] = rng.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3))
        found[f"norm_{layer}.weight"], found[f"norm_{layer}.bias"] = (
            rng.uniform(0.5, 1.5, outputs),
            rng.normal(size=outputs),
        )
        found[f"norm_{layer}.running_mean"] = rng.normal(0, 0.2, outputs)
        found[f"norm_{layer}.running_var"] = rng.uniform(0.5, 1.5, outputs)
        inputs = outputs
    found["head.weight"], found["head.bias"] = rng.normal(size=(CLASSES, inputs)), rng.normal(size=CLASSES)
    return {name: value.astype(np.float32) for name, value in found.items()}


def images() -> np.ndarray:
    """Noise, smoothed into blots: uint8 [4, SIZE, SIZE, 3]."""
    coarse = np.random.default_rng(1).integers(0, 256, (4, SIZE // 4, SIZE // 4, 3))
    return coarse.repeat(4, 1).repeat(4, 2).astype(np.uint8)


def classes() -> np.ndarray:
    """The class that each map is of, int64 [4]."""
    return np.array([0, 1, 0, 4])
