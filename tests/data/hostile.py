"""Everything that can be wrong with a folder of photographs, around a sane rest."""

import fnmatch
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from flowers_jax.data.checks import jpeg
from flowers_jax.data.sources import procedural
from tests.conftest import png
from tests.data.pictures import scene

NO_IMAGE = "not an image of a known format"
BOMB = "20000x20000 is 400000000 pixels, more than data.max_pixels 100000000"


def make(root: Path) -> tuple[set[str], dict[str, str], dict[str, str]]:
    """Paths of what can be used; path -> reason of what cannot, and of what is remarked on.

    A reason that ends in `...` goes on with words of libraries or of the system.
    """
    used = set()
    for kind, name in enumerate(procedural.PETALS):
        for number in range(20):
            used |= _write(root, f"{name}/{number}.png", procedural.draw(name, 1000 * kind + number))
    for path, data in _usable():
        used |= _write(root, path, data)
    skipped = {}
    for path, data, reason in _unusable():
        _write(root, path, data)
        skipped[path] = reason
    skipped |= _special_files(root / "five_petals") | _links(root)
    for path in (".hidden.jpg", "._roses.jpg", "Thumbs.db", "THUMBS.DB", ".DS_Store", "desktop.ini", ".hidden/x.jpg"):
        _write(root, path, b"not a photograph")
        _write(root, f"five_petals/{path}", b"not a photograph")
    _write(root, "LICENSE.txt", b"CC-BY")
    (root / "nobody").mkdir()
    remarks = {
        "lonely/": "class of one photograph: it cannot be both trained on and tested",
        "five_petals/": "differs from Five_Petals/ only by case; rename one if they are one class",
    }
    return used, skipped | {"nobody/": "class without a usable photograph"}, remarks


def _usable() -> Iterator[tuple[str, bytes]]:
    pictures = (scene(number).resize((48, 48)) for number in range(1000))
    kinds = ("PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG")
    for kind, suffix in zip(kinds, ("jpg", "jpg", "JPG", "jpeg", "png", "tiff"), strict=True):
        yield f"five_petals/a {kind} called.{suffix}", png(next(pictures), kind)
    yield "five_petals/photograph.txt", png(next(pictures), "JPEG")
    yield "five_petals/no suffix", png(next(pictures), "JPEG")
    yield "five_petals/st. michael", png(next(pictures), "PNG")
    yield "five_petals/collides.jpg", png(next(pictures), "PNG")
    yield "five_petals/collides.png", png(next(pictures), "PNG")
    yield "five_petals/collides.webp", png(next(pictures), "PNG")
    yield "five_petals/grey.jpg", png(next(pictures).convert("L"), "JPEG")
    yield "five_petals/cmyk.jpg", png(next(pictures).convert("CMYK"), "JPEG")
    sixteen = Image.fromarray(np.asarray(next(pictures).convert("L")).astype(np.uint16) * 257)
    yield "five_petals/16 bit.png", png(sixteen)
    yield "five_petals/palette.png", png(next(pictures).convert("P"), transparency=3)
    yield "five_petals/alpha.png", png(next(pictures).convert("RGBA"))
    yield "five_petals/grey alpha.png", png(next(pictures).convert("LA"))
    yield "five_petals/animated.gif", png(next(pictures), "GIF", save_all=True, append_images=[next(pictures)])
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"five_petals/turned {orientation}.jpg", png(next(pictures), "JPEG", exif=exif)
    for width, height in ((1, 1), (1, 9000), (9000, 1), (3, 4000)):
        yield f"five_petals/{width}x{height}.png", png(next(pictures).resize((width, height)))
    for name in (
        "naïve ☘ 花",
        "two\nlines",
        'a "quote", and \'s',
        "\x1b[31mred",
        "back\\slash",
        " spaces ",
        "\u202egnp",
        "-x",
        "%s",
    ):
        yield f"five_petals/{name}.png", png(next(pictures))
    yield os.fsdecode(b"five_petals/latin-\xe9.png"), png(next(pictures))
    yield "five_petals/nested/deeper/photograph.jpg", png(next(pictures), "JPEG")
    yield "/".join(["five_petals", *"abcdefgh" * 10, "deep.jpg"]), png(next(pictures), "JPEG")
    one = png(next(pictures), "JPEG")
    yield "five_petals/one.jpg", one
    yield "five_petals/copy of one.jpg", one
    yield "lonely/only.png", png(next(pictures))
    for number in range(5):
        yield f"Five_Petals/{number}.jpg", png(next(pictures), "JPEG")
    for quality in (90, 50):
        yield f"three_petals/alike {quality}.jpg", png(scene(1000), "JPEG", quality=quality)


def _unusable() -> Iterator[tuple[str, bytes, str]]:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8))
    photograph = png(noise, "JPEG")
    half = len(photograph) // 2
    yield "five_petals/truncated.jpg", photograph[:half], "damaged image (..."
    yield "five_petals/zeros at the end.jpg", photograph[:half].ljust(len(photograph), b"\0"), "damaged image (..."
    hole = photograph[:half] + bytes(9000) + photograph[half + 9000 :]
    yield "five_petals/zeros inside.jpg", hole, f"damaged image (a hole of {jpeg.HOLE} zero bytes or more)"
    yield "five_petals/zeros.jpg", bytes(len(photograph)), NO_IMAGE
    for kind in ("PNG", "WEBP", "GIF", "BMP", "TIFF"):
        cut = png(scene(2000), kind)
        yield f"five_petals/truncated.{kind.lower()}", cut[: len(cut) // 2], "damaged image (..."
    yield "five_petals/empty.jpg", b"", "empty file"
    yield "five_petals/text.jpg", b"a rose is a rose", NO_IMAGE
    yield "five_petals/page.jpg", b"<!DOCTYPE html><title>404</title>", NO_IMAGE
    yield "five_petals/program.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", NO_IMAGE
    yield "five_petals/two\nlines.txt", b"x", NO_IMAGE
    yield "five_petals/bomb.png", png(Image.new("1", (20000, 20000))), BOMB
    yield "five_petals/long.bmp", _long_bmp(), "1x2000000 has a side of more than 1000000 pixels"
    whole = Image.new("I", (9, 9), 70_000)
    yield "five_petals/32 bits.tif", png(whole, "TIFF"), "32-bit integer pixels have no defined white"
    yield "five_petals/float.tif", png(Image.new("F", (9, 9)), "TIFF"), "floating-point pixels have no defined white"
    both = png(scene(2001), "PNG")
    for one, other in (("five_petals", "three_petals"), ("three_petals", "five_petals")):
        yield f"{one}/both.png", both, f"byte-identical to {other}/both.png, which is in another class"
    yield "loose.jpg", png(scene(2002), "JPEG"), "not in a class folder"
    yield "nested only/text/x.jpg", b"x", NO_IMAGE
    yield "nested only/", b"", "class without a usable photograph"


def _long_bmp() -> bytes:
    data = bytearray(png(Image.new("RGB", (1, 1)), "BMP"))
    struct.pack_into("<ii", data, 18, 1, 2_000_000)
    return bytes(data)


def _special_files(folder: Path) -> dict[str, str]:
    """What opening would wait for, or read without end."""
    names = ["pipe.jpg", "socket.jpg"]
    os.mkfifo(folder / "pipe.jpg")
    here = os.open(".", os.O_RDONLY)
    os.chdir(folder)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket.jpg")
    finally:
        os.fchdir(here)
        os.close(here)
    for name, device in (("zero.jpg", os.makedev(1, 5)), ("random.jpg", os.makedev(1, 9))):
        try:
            os.mknod(folder / name, 0o20666, device)
            names.append(name)
        except PermissionError:
            continue
    return {f"five_petals/{name}": "not a regular file" for name in names}


def _links(root: Path) -> dict[str, str]:
    outside = root.parent / f"{root.name} outside"
    _write(outside, "0.jpg", png(scene(3000), "JPEG"))
    links = {
        "five_petals/link.jpg": (outside / "0.jpg", "link out of the folder (follow_links reads it)"),
        "class elsewhere": (outside, "link out of the folder (follow_links reads it)"),
        "five_petals/nothing.jpg": (outside / "none.jpg", "broken link"),
        "class of nothing": (outside / "none", "broken link"),
        "five_petals/round": (root, "link to a folder that is read already"),
        "five_petals/itself.jpg": ("itself.jpg", "Too many levels of symbolic links"),
        "itself": ("itself", "Too many levels of symbolic links"),
        "five_petals/to and fro": ("fro and to", "Too many levels of symbolic links"),
        "five_petals/fro and to": ("to and fro", "Too many levels of symbolic links"),
    }
    for path, (target, _) in links.items():
        (root / path).symlink_to(target)
    return {path: reason for path, (_, reason) in links.items()}


def _write(root: Path, path: str, data: bytes) -> set[str]:
    if not path.endswith("/"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return {path}


def differing(found: dict[str, str], expected: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Path -> reasons, where they are not those that `make` gave."""
    return {
        path: (found.get(path), expected.get(path))
        for path in found | expected
        if not fnmatch.fnmatchcase(found.get(path, "-"), expected.get(path, "").replace("...", "*"))
    }
