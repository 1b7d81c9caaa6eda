"""The one decoder: formats by content, orientation, colour, limits, and reasons for refusing."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from flowers_jax.data import decode as decode_module
from flowers_jax.data.decode import DecodeError, decode, format_of
from tests.conftest import png


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_formats_by_content(draw, kind):
    image = draw(1)
    pixels = decode(png(image, kind))
    assert format_of(png(image, kind)) == kind
    assert pixels.shape == (32, 40, 3) and pixels.dtype == np.uint8
    with Image.open(io.BytesIO(png(image, kind))) as same:
        np.testing.assert_array_equal(pixels, np.asarray(same.convert("RGB")))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation, kind):
    six = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (9, 9, 9)], [(99, 0, 99), (0, 99, 0)]], np.uint8)
    upright = Image.fromarray(np.kron(six, np.ones((8, 8, 1), np.uint8)))
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that stores it turned
    turned = upright if orientation == 1 else upright.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True}}.get(kind, {})
    data = png(turned, kind, exif=exif, **options)
    with Image.open(io.BytesIO(data)) as stored:
        assert stored.getexif()[0x0112] == orientation
    np.testing.assert_allclose(decode(data), np.asarray(upright), atol=2 if kind == "JPEG" else 0)


def test_transparency_shows_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half = Image.new("LA", (4, 4), (0, 128))
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    assert (decode(png(clear)) == 255).all()
    assert (abs(decode(png(half)).astype(int) - 127) <= 1).all()
    assert (decode(png(palette, transparency=1)) == 255).all()
    assert (decode(png(palette)) == (0, 0, 255)).all()


def test_colour_models():
    grey = Image.new("L", (4, 4), 77)
    assert (decode(png(grey, "JPEG")) == 77).all()
    assert (decode(png(Image.new("1", (4, 4), 1))) == 255).all()
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red = decode(png(cmyk, "JPEG", quality=95))
    assert (abs(red.astype(int) - (255, 0, 0)) < 6).all()


def test_sixteen_bits_are_scaled_not_clipped():
    grey = np.array([[0, 257 * 100, 65535, 32768]], np.uint16)
    for kind in ("PNG", "TIFF"):
        assert decode(png(Image.fromarray(grey), kind))[0, :, 0].tolist() == [0, 100, 255, 128]


def test_integers_of_32_bits_are_refused_and_of_16_are_not():
    """Between 0 and 65535, or all above it, they came out black or white."""
    for highest in (255, 65535, 2**31 - 1):
        with pytest.raises(DecodeError, match=r"^32-bit integer pixels have no defined white$"):
            decode(png(Image.new("I", (4, 4), highest), "TIFF"))
    assert (decode(signed_tiff(2, 257 * 100)) == 100).all()


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert (decode(png(frames[0], "GIF", save_all=True, append_images=frames[1:])) == (255, 0, 0)).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html>not found</html>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
        (b"\xff\xd8\xff\xe0 no", "image"),
    ],
)
def test_what_is_no_image_is_refused(data, reason):
    with pytest.raises(DecodeError, match=reason):
        decode(data)
    with pytest.raises(DecodeError, match="not an image of a known format"):
        format_of(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_is_refused(draw, kind, share):
    data = png(draw(2), kind)
    with pytest.raises(DecodeError):
        decode(data[: int(len(data) * share)])


def test_pixel_limit_is_checked_before_decoding():
    bomb = png(Image.new("1", (20000, 20000)))
    assert len(bomb) < 100_000
    with pytest.raises(DecodeError, match=r"20000x20000 is 400000000 pixels, more than data.max_pixels 100000000"):
        decode(bomb)
    assert decode(png(Image.new("1", (20, 20))), max_pixels=400).shape == (20, 20, 3)
    with pytest.raises(DecodeError):
        decode(png(Image.new("1", (20, 20))), max_pixels=399)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 7), (640, 480)])
@pytest.mark.parametrize("resize", ["crop", "stretch"])
def test_any_shape_resizes(draw, size, resize):
    assert decode(png(draw(3, size)), 28, resize=resize).shape == (28, 28, 3)


def test_crop_takes_the_central_square():
    image = Image.new("RGB", (200, 100), "black")
    image.paste("white", (50, 0, 150, 100))
    assert (decode(png(image), 50, crop=1.0)[:, 1:-1] == 255).all()  # the filter looks one pixel over the edge
    whole = decode(png(image), 50, resize="stretch")
    assert (whole[:, :10] == 0).all() and (whole[:, 20:30] == 255).all()


def test_resize_is_pillows(draw):
    image = draw(4, (60, 60))
    expected = np.asarray(image.resize((28, 28), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(decode(png(image), 28, resize="stretch"), expected)
    np.testing.assert_array_equal(decode(png(image), 28, crop=1.0), expected)


def test_damage_elsewhere_in_exif_leaves_its_orientation():
    """`ImageOps.exif_transpose` fails here, where it writes what it has read."""
    image = Image.new("RGB", (24, 16), "red")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    sound = png(image, "JPEG", exif=exif)
    maker = struct.pack(">HHI", 0x010F, 2, 6)
    damaged = sound.replace(maker, struct.pack(">HHI", 0x0100, 2, 6))
    assert sound.count(maker) == 1
    with Image.open(io.BytesIO(damaged)) as opened, pytest.raises(struct.error):
        ImageOps.exif_transpose(opened)
    assert decode(sound).shape == decode(damaged).shape == (24, 16, 3)


def test_lack_of_memory_is_not_called_damage(draw, monkeypatch):
    def lacking(_: Image.Image) -> Image.Image:
        raise MemoryError

    monkeypatch.setattr(decode_module, "_upright", lacking)
    with pytest.raises(DecodeError, match=r"^needs more memory than there is; data\.max_pixels could be lower$"):
        decode(png(draw(1)))


def test_a_side_that_would_take_gigabytes_to_resize():
    data = bytearray(png(Image.new("RGB", (1, 1)), "BMP"))
    struct.pack_into("<ii", data, 18, 1, 1_000_001)
    with pytest.raises(DecodeError, match="1x1000001 has a side of more than 1000000 pixels"):
        decode(bytes(data))


def tiled_tiff(size: int, tile: int, data: bytes) -> bytes:
    """A grey TIFF of one deflated tile, of which the photograph is the corner."""
    return tiff(
        {256: size, 257: size, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile, 324: 134, 325: len(data)}, data
    )


def signed_tiff(size: int, value: int) -> bytes:
    """A grey TIFF of signed 16-bit pixels, which Pillow opens in the mode of 32 bits."""
    data = struct.pack("<h", value) * size * size
    tags = {256: size, 257: size, 258: 16, 259: 1, 262: 1, 273: 134, 277: 1, 278: size, 279: len(data), 339: 2}
    return tiff(tags, data)


def tiff(tags: dict[int, int], data: bytes) -> bytes:
    """With ten tags the pixels begin at byte 134."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    header = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return header + entries + bytes(4) + data


def test_a_small_tiff_with_a_tile_that_is_a_bomb():
    assert decode(tiled_tiff(16, 32, zlib.compress(b"\x4d" * 32 * 32))).tolist() == [[[0x4D] * 3] * 16] * 16
    bomb = tiled_tiff(16, 20000, zlib.compress(bytes(1000)))
    with pytest.raises(DecodeError, match=r"a tile of 20000x20000 is 400000000 pixels, more than data\.max_pixels"):
        decode(bomb)


def test_broken_exif_and_profiles_do_no_harm(draw):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = ImageOps.mirror(draw(5))
    np.testing.assert_array_equal(decode(png(image, icc_profile=profile)), np.asarray(image))
    np.testing.assert_array_equal(decode(png(image, exif=b"Exif\x00\x00garbage")), np.asarray(image))
