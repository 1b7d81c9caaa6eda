"""How many images a second augmentation changes, at the size and batch of MobileNetV2: prints a line of JSON.

python -m benchmarks.augment BATCH
"""

import json
import sys
from functools import partial

import jax
import numpy as np

from benchmarks import SIZES
from benchmarks.program import median_seconds
from flowers_jax.augment import Augment, Generator, augment_images, stored
from flowers_jax.preprocessing import Preprocessing

COURSE = Generator(
    rotation_range=20.0, width_shift_range=0.1, height_shift_range=0.1, shear_range=0.2, zoom_range=(0.8, 1.2),
    horizontal_flip=True,
)  # fmt: skip
SETTINGS = {
    "course": Augment(COURSE),
    "crop": Augment(Generator(horizontal_flip=True), crop_scale=(0.35, 1.0)),
    "jitter": Augment(Generator(horizontal_flip=True), crop_scale=(0.35, 1.0), color_jitter=(0.4, 0.4, 0.4, 0.1)),
    "rand-augment": Augment(Generator(horizontal_flip=True), crop_scale=(0.35, 1.0), rand_augment_layers=2),
}
"""The course's transform; random-resized-crop with a flip, and more on top of it."""


def main(batch: int) -> dict[str, object]:
    """Each program has its own random keys and photographs of noise."""
    preprocessing = Preprocessing(SIZES["mobilenet_v2"])
    keys, rates = jax.random.split(jax.random.key(0), batch), {}
    for name, augment in SETTINGS.items():
        side = stored(preprocessing, augment).size
        images = jax.device_put(np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), np.uint8))
        change = jax.jit(partial(augment_images, augment=augment, preprocessing=preprocessing))
        rates[name] = batch / median_seconds(
            lambda change=change, images=images: jax.block_until_ready(change(keys, images))
        )
    return {"backend": jax.default_backend(), "dtype": "float32", "version": f"jax {jax.__version__}", "rates": rates}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
