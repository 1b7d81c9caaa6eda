"""A small data set of flowers drawn in code, for tests and for a first run that takes seconds."""

import colorsys
import io
import math

import numpy as np
from PIL import Image

from flowers_jax.config_types import Config
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.sources.registry import Source, register

PETALS = {"five_petals": 5, "eight_petals": 8, "three_petals": 3}
HUES = {"five_petals": 0.0, "eight_petals": 0.6, "three_petals": 0.3}
EACH = 40
SIZE = 48


def load_procedural(config: Config) -> Dataset:
    """120 PNGs of three classes, always the same ones. The petals always differ between classes, the colours mostly."""
    drawn = [
        (name, draw(name, index)) for index, name in enumerate(name for name in sorted(PETALS) for _ in range(EACH))
    ]
    candidates = [Candidate(f"procedural:{index}", name) for index, (name, _) in enumerate(drawn)]
    files = {candidate.path: data for candidate, (_, data) in zip(candidates, drawn, strict=True)}
    reason = "config.data.name=procedural: drawn in code, no photographs"
    return collect("procedural", reason, candidates, files.__getitem__, config.data, keeps_copies=True)


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


register(Source("procedural", load_procedural))
