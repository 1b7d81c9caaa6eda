"""The page resizes as Pillow does, bit for bit."""

import base64
import itertools

import numpy as np
import PIL
import pytest
from packaging.version import Version
from PIL import Image

pytestmark = pytest.mark.wings
RESIZE = """
async ({pixels, width, height, box, size, interpolation}) => {
  const { resize } = await import("/resize.js");
  const rgba = Uint8ClampedArray.from(atob(pixels), (letter) => letter.charCodeAt(0));
  const all = new OffscreenCanvas(width, height).getContext("2d");
  all.putImageData(new ImageData(rgba, width, height), 0, 0);
  const read = (...part) => all.getImageData(...part).data;
  const [left, top, right, bottom] = box;
  return [...resize(read, { width, height }, { left, top, right, bottom }, size, interpolation)];
}
"""
SIDES = [(1, 1), (1, 90), (37, 53), (200, 41), (60, 300), (300, 301)]
PARTS = (None, 0.875, 0.5)


@pytest.mark.parametrize(("width", "height"), SIDES)
def test_every_value_is_pillows(modules, width, height):
    """Larger and smaller, whole and in part, both filters; noise, so that each weight and each rounding shows.

    Before version 13 Pillow has other passes first.
    """
    tolerance = 0 if Version(PIL.__version__) >= Version("13") else 1
    rgb = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    rgba = np.concatenate([rgb, np.full_like(rgb[..., :1], 255)], -1)
    for part, size, interpolation in itertools.product(PARTS, (1, 28, 65), ("bilinear", "bicubic")):
        side = (part or 0) * min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side) if part else (0, 0, width, height)
        wanted = Image.fromarray(rgb).resize((size, size), Image.Resampling[interpolation.upper()], box)
        given = {"pixels": base64.b64encode(rgba.tobytes()).decode(), "width": width, "height": height}
        found = modules.evaluate(RESIZE, given | {"box": box, "size": size, "interpolation": interpolation})
        difference = np.array(found).reshape(size, size, 3) - np.asarray(wanted, int)
        assert np.abs(difference).max() <= tolerance
