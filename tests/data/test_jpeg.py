"""JPEGs that Pillow decodes without a word: holes, and passes without end."""

import io

import numpy as np
import pytest
from PIL import Image

from flowers_jax.data.checks import jpeg
from flowers_jax.data.decode import DecodeError, decode
from tests.conftest import SHARED, png
from tests.data.pictures import scene

OPTIONS = [{}, {"optimize": True}, {"progressive": True}, {"subsampling": 0, "quality": 95}, {"restart_marker_rows": 1}]


def noisy(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_hole_is_refused_though_the_rest_decodes(options):
    data = png(noisy(400), "JPEG", **options)
    assert decode(data).shape == (400, 400, 3)
    middle = len(data) * 2 // 3
    hole = data[:middle] + bytes(jpeg.HOLE + 2) + data[middle + jpeg.HOLE + 2 :]
    with Image.open(io.BytesIO(hole)) as image:
        image.load()
    with pytest.raises(DecodeError, match=r"^damaged image \(a hole of 4096 zero bytes or more\)$"):
        decode(hole)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_flat_areas_are_no_holes(options, mode):
    """An encoder with tables of its own writes them as zeros."""
    image = Image.new("RGB", (3000, 2600), "white")
    image.paste(scene(0), (9, 2200))
    data = png(image.convert(mode), "JPEG", **options)
    assert decode(data).shape == (2600, 3000, 3)
    if options in ({"optimize": True}, {"progressive": True}) and mode == "RGB":
        assert bytes(jpeg.HOLE) in data


def test_zeros_elsewhere_in_the_file_are_no_hole():
    zeros = bytes(3 * jpeg.HOLE)
    image = scene(1)
    sound = decode(png(image, "JPEG"))
    for data in (
        png(image, "JPEG") + zeros + b"\xff\xd9",
        png(image, "JPEG", exif=b"Exif\0\0" + zeros),
        png(image, "JPEG", comment=zeros),
        png(image, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]) + zeros,
    ):
        np.testing.assert_array_equal(decode(data), sound)


def test_passes_without_end():
    """Each of these 14 bytes or so decodes the whole picture once more."""
    data = png(scene(2), "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    some = data[:end] + 50 * data[last:end] + data[end:]
    np.testing.assert_array_equal(decode(some).shape, (240, 320, 3))
    many = data[:end] + 200 * data[last:end] + data[end:]
    with pytest.raises(DecodeError, match=r"^a JPEG of 2\d\d passes over its pixels, more than 100$"):
        decode(many)
    assert decode(data + 200 * data[last:end]).shape == (240, 320, 3)  # behind the end of the image


def test_damaged_segments_are_damage_and_no_crash():
    data = png(noisy(200), "JPEG")
    at = data.index(b"\xff\xda")
    for cut in range(2, 10):
        short = data[: at + cut] + bytes(jpeg.HOLE) + data[at + cut :]
        with pytest.raises(DecodeError, match=r"damaged image \(broken data stream"):
            decode(short)


@pytest.mark.skipif(not (SHARED / "flower_photos").is_dir(), reason="needs the photographs")
def test_no_real_photograph_is_refused():
    files = sorted((SHARED / "flower_photos").rglob("*.jpg"))
    assert len(files) > 3000
    assert [path.name for path in files if jpeg.fault(path.read_bytes())] == []
