"""What the page reads of a file before it is decoded: the sides of the picture, and whether the file is whole."""

import base64
import struct

import pytest
from PIL import Image

from tests.conftest import png
from tests.data.pictures import scene

pytestmark = pytest.mark.wings
CHECK = """
async ([bytes, most]) => {
  const { check, Refused } = await import("/header.js");
  try {
    check(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)), most);
    return "";
  } catch (error) {
    return error instanceof Refused ? error.message : `not refused: ${error}`;
  }
}
"""
SCENE = scene(1).resize((50, 31))
EXIF = Image.Exif()
EXIF[0x0112] = 6
WHOLE = {
    "png": png(SCENE),
    "palette png": png(SCENE.convert("P")),
    "jpeg": png(SCENE, "JPEG"),
    "progressive jpeg": png(SCENE, "JPEG", progressive=True, exif=EXIF),
    "jpeg with something behind it": png(SCENE, "JPEG") + b"more",
    "lossy webp": png(SCENE, "WEBP"),
    "lossless webp": png(SCENE, "WEBP", lossless=True),
    "extended webp": png(SCENE, "WEBP", exif=EXIF),
    "gif": png(SCENE, "GIF"),
    "animation": png(SCENE, "GIF", save_all=True, append_images=[SCENE.rotate(90)], comment=b"a comment"),
}


def refusal(modules, data: bytes, most: int = 50 * 31) -> str:
    return modules.evaluate(CHECK, [base64.b64encode(data).decode(), most])


@pytest.mark.parametrize("kind", WHOLE)
def test_the_sides_are_read(modules, kind):
    assert refusal(modules, WHOLE[kind]) == ""
    assert refusal(modules, WHOLE[kind], 50 * 31 - 1) == "50x31 is 1550 pixels, more than 1549"


@pytest.mark.parametrize("kind", WHOLE)
def test_a_truncated_file_is_refused_wherever_it_ends(modules, kind):
    data = WHOLE[kind].removesuffix(b"more")
    end = {"gif": 2, "animation": len(data) // 2}.get(kind, 1)  # a GIF is whole when its first frame is
    for length in (*range(16, 60), len(data) // 2, len(data) - end):
        assert refusal(modules, data[:length]).startswith(("truncated", "damaged")), length


def test_what_is_no_photograph_is_refused(modules):
    assert refusal(modules, b"") == "empty file"
    for data in (b"a text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", png(SCENE, "TIFF"), b"RIFF....WAVE"):
        assert refusal(modules, data) == "not a photograph: use JPEG, PNG, WebP or GIF"


def test_bombs_are_refused(modules):
    data = bytearray(WHOLE["png"])
    data[16:24] = struct.pack(">II", 100_000, 50_000)
    assert refusal(modules, bytes(data), 10**8) == "100000x50000 is 5000000000 pixels, more than 100000000"
    data[16:24] = struct.pack(">II", 40_000, 1)
    assert refusal(modules, bytes(data), 10**8) == "40000x1 has a side of more than 32767 pixels"
    scans = WHOLE["jpeg"].replace(b"\xff\xd9", bytes.fromhex("ffda00020000") * 100 + b"\xff\xd9")
    assert refusal(modules, scans) == "a JPEG of 101 passes over its pixels, more than 100"
    frame = bytearray(WHOLE["gif"])
    at = frame.rindex(b"\x2c\x00\x00\x00\x00\x32\x00\x1f\x00")
    frame[at + 5 : at + 9] = struct.pack("<HH", 60_000, 60_000)
    assert refusal(modules, bytes(frame)).startswith("60000x60000 is ")
