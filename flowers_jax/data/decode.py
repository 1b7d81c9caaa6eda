"""The only decoder of the project: bytes of a photograph -> uint8 RGB, with Pillow.

Training, prediction, checking and evaluation use it, because two decoders differ (TensorFlow's JPEG decoder and
Pillow's by up to 18 grey levels).
"""

import contextlib
import io
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image
from PIL.Image import Resampling, Transpose
from PIL.TiffImagePlugin import BITSPERSAMPLE, TILELENGTH, TILEWIDTH

from flowers_jax.data import pillow_settings
from flowers_jax.data.checks import jpeg
from flowers_jax.errors import first_line
from flowers_jax.preprocessing import Preprocessing

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""The content decides the format, never the file name. JPEG includes the MPO of telephones."""

SOURCE = ("data/decode.py", "data/checks/jpeg.py")
"""The modules that determine the decoded pixels, for `flowers_jax.storage.source`."""

MAX_PIXELS = 100_000_000
LONGEST_SIDE = 1_000_000
"""Antialiasing needs 50 bytes for each pixel of a side: 5 GB for one of `MAX_PIXELS`."""

_MOST_BYTES_A_PIXEL = 16
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT, 3: Transpose.ROTATE_180, 4: Transpose.FLIP_TOP_BOTTOM, 5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270, 7: Transpose.TRANSVERSE, 8: Transpose.ROTATE_90,
}  # fmt: skip
"""The operation that undoes each EXIF orientation."""

# Pillow loads its format plugins at the first image; two threads at once could use an incomplete table.
Image.init()


class DecodeError(ValueError):
    """These bytes are not a usable photograph; the message is the reason, for a list of skipped files."""


def read_photograph(path: Path, max_pixels: int = MAX_PIXELS) -> bytes:
    """The content of a regular file, which can be a photograph of at most `max_pixels`.

    Raises:
        DecodeError: it is not a regular file (reading a FIFO would never end), or is larger than such a photograph.
        OSError: it cannot be read.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise DecodeError(f"a folder; give its files, as in {path}/*")
    if not stat.S_ISREG(status.st_mode):
        raise DecodeError("not a regular file")
    if status.st_size > _MOST_BYTES_A_PIXEL * max_pixels:
        raise DecodeError(f"{status.st_size} bytes, more than data.max_pixels {max_pixels} could need")
    return path.read_bytes()


def decode(
    data: bytes,
    size: int | None = None,
    *,
    resize: str = "crop",
    crop: float = 0.875,
    interpolation: str = "bilinear",
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Decode, orient by EXIF, convert to RGB (alpha on white) and resize with antialiasing.

    Args:
        data: the content of a file of one of `FORMATS`; the first of several frames is used.
        size: height and width of the result in pixels; None keeps those of the photograph.
        resize: `crop`: the central square of side `crop` x the shorter side; `stretch`: the whole photograph
            resized to a square.
        crop: the fraction in `resize`, above 0, at most 1.
        interpolation: `bilinear` or `bicubic`.
        max_pixels: refuse a photograph with more pixels, before they are decoded.

    Returns:
        uint8 [H, W, 3].

    Raises:
        DecodeError: the data is empty, not an image, truncated, damaged, or too large.
    """
    if not data:
        raise DecodeError("empty file")
    with _reasons(), pillow_settings.for_decoding(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check(image, max_pixels)
        if image.format in ("JPEG", "MPO") and (fault := jpeg.fault(data)):
            raise DecodeError(fault)
        rgb = _to_rgb(_upright(image))
    return np.asarray(rgb if size is None else _resize(rgb, size, resize, crop, Resampling[interpolation.upper()]))


def format_of(data: bytes) -> str:
    """The one of `FORMATS` that the content of a file has.

    Raises:
        DecodeError: it has none of them.
    """
    try:
        with pillow_settings.for_decoding(), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return "JPEG" if image.format == "MPO" else str(image.format)
    except Exception as error:  # as in `decode`
        raise DecodeError("not an image of a known format") from error


def decode_for(data: bytes, preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """`decode` with the settings of a model's input: uint8 [size, size, 3]."""
    p = preprocessing
    return decode(
        data, p.size, resize=p.resize, crop=p.crop, interpolation=p.interpolation, max_pixels=max_pixels
    )  # fmt: skip


def of_picture(image: Image.Image, preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """What `decode_for` makes of a file of these pixels: oriented by EXIF, alpha on white, uint8 [size, size, 3].

    Raises:
        DecodeError: it has no pixels or too many, no defined white, or its file is damaged.
    """
    p = preprocessing
    with _reasons(), pillow_settings.for_decoding():
        _check(image, max_pixels)
        rgb = _to_rgb(_upright(image))
        return np.asarray(_resize(rgb, p.size, p.resize, p.crop, Resampling[p.interpolation.upper()]))


@contextlib.contextmanager
def _reasons() -> Iterator[None]:
    """Whatever Pillow raises becomes a DecodeError that says why."""
    try:
        yield
    except DecodeError:
        raise
    except Image.UnidentifiedImageError:
        raise DecodeError("not an image of a known format") from None
    except MemoryError as error:
        raise DecodeError("needs more memory than there is; data.max_pixels could be lower") from error
    except Exception as error:  # Pillow's plugins fail on damaged files with almost any exception
        raise DecodeError(f"damaged image ({first_line(error)})") from error


def _check(image: Image.Image, max_pixels: int) -> None:
    """Refuse before decoding what has too many pixels or no defined white."""
    _check_size(image, max_pixels)
    _check_white(image)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """Check sizes before decoding. A whole tile is decoded, even if the TIFF shows only a part of it."""
    tags = getattr(image, "tag_v2", {})
    tile = (tags.get(TILEWIDTH, 0), tags.get(TILELENGTH, 0))
    for what, (width, height) in (("", image.size), ("a tile of ", tile)):
        if (pixels := width * height) > max_pixels:
            raise DecodeError(f"{what}{width}x{height} is {pixels} pixels, more than data.max_pixels {max_pixels}")
        if max(width, height) > LONGEST_SIDE:
            raise DecodeError(f"{what}{width}x{height} has a side of more than {LONGEST_SIDE} pixels")


def _check_white(image: Image.Image) -> None:
    """Refuse pixels without a defined white. With 8 and 16 bits, white has all bits set."""
    if image.mode == "F":
        raise DecodeError("floating-point pixels have no defined white")
    if image.mode == "I" and 32 in getattr(image, "tag_v2", {}).get(BITSPERSAMPLE, ()):
        raise DecodeError("32-bit integer pixels have no defined white")


def _upright(image: Image.Image) -> Image.Image:
    """Decoded, and rotated by EXIF. `ImageOps.exif_transpose` rewrites the other tags, and fails if one is damaged."""
    image.load()  # a PNG may have its EXIF behind its pixels
    try:
        turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are usable even if the metadata is damaged
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits per pixel; Pillow's own conversion clips instead of scaling
        grey = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _resize(image: Image.Image, size: int, resize: str, crop: float, interpolation: Resampling) -> Image.Image:
    if resize == "stretch":
        return image.resize((size, size), interpolation)
    side = crop * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize((size, size), interpolation, box=(left, top, left + side, top + side))
