"""How many photographs a second one core decodes to the model's input: prints a line of JSON.

python -m benchmarks.decode COUNT
"""

import io
import json
import sys

import numpy as np
import PIL
from PIL import Image

from benchmarks.program import median_seconds
from flowers_jax.data.decode import decode

SIZE = (375, 500)
"""Height and width of most photographs of `tf_flowers`, near enough."""


def main(count: int) -> dict[str, object]:
    """JPEGs of smooth noise, which compresses about as photographs do, decoded to 224x224 one after another."""
    rng = np.random.default_rng(0)
    files = [_jpeg(rng) for _ in range(count)]
    rate = count / median_seconds(lambda: [decode(file, 224) for file in files])
    return {"backend": "cpu", "dtype": "uint8", "version": f"pillow {PIL.__version__}", "rates": {"decode": rate}}


def _jpeg(rng: np.random.Generator) -> bytes:
    coarse = Image.fromarray(rng.integers(0, 256, (SIZE[0] // 10, SIZE[1] // 10, 3), np.uint8))
    smooth = np.asarray(coarse.resize((SIZE[1], SIZE[0]), Image.Resampling.BICUBIC), np.float32)
    stream = io.BytesIO()
    grain = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    Image.fromarray(grain).save(stream, "JPEG", quality=90)
    return stream.getvalue()


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
