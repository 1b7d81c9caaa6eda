"""Pictures that tests draw."""

import numpy as np
from PIL import Image


def scene(number: int) -> Image.Image:
    """320x240, smooth as photographs are; another number gives another one."""
    blobs = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((320, 240), Image.Resampling.BICUBIC)
