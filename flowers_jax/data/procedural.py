"""A small set of flowers drawn in code, for tests and for a first run of seconds."""

import colorsys
import hashlib
import io
import math

import numpy as np
from PIL import Image

from flowers_jax.data.dataset import Dataset, Example

PETALS = {"five_petals": 5, "eight_petals": 8, "three_petals": 3}
HUES = {"five_petals": 0.0, "eight_petals": 0.6, "three_petals": 0.3}
EACH = 40
SIZE = 48


def load_procedural() -> Dataset:
    """120 PNGs of three classes, always the same ones; petals tell them apart for sure, colour mostly."""
    classes = tuple(sorted(PETALS))
    files: dict[str, bytes] = {}
    examples = []
    for label, name in enumerate(classes):
        for _ in range(EACH):
            index = len(files)
            path = f"procedural:{index}"
            files[path] = draw(name, index)
            examples.append(Example(path, label, hashlib.sha256(files[path]).hexdigest()))
    return Dataset(
        "procedural",
        "config.data.name=procedural: drawn in code, no photographs",
        classes,
        tuple(examples),
        files.__getitem__,
    )


def draw(name: str, seed: int) -> bytes:
    """One flower on a dark, noisy ground, as PNG."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - rng.uniform(0.42, 0.58, (2, 1, 1))
    radius, angle = np.hypot(x, y), np.arctan2(y, x) + rng.uniform(0, 2 * math.pi)
    petals = rng.uniform(0.2, 0.3) * (1 + 0.5 * np.cos(PETALS[name] * angle))
    colour = colorsys.hsv_to_rgb((HUES[name] + rng.normal(0, 0.08)) % 1, rng.uniform(0.5, 1), rng.uniform(0.6, 1))
    image = rng.uniform(0, 0.3, (SIZE, SIZE, 3))
    image[radius < petals] = colour
    image[radius < 0.06] = (0.9, 0.8, 0.1)
    noisy = np.clip(image + rng.normal(0, 0.05, image.shape), 0, 1)
    stream = io.BytesIO()
    Image.fromarray((noisy * 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()
