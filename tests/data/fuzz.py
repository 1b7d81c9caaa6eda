"""Put damaged images through the decoder, in a process that a crash, a hang or a lack of memory would end.

    python -m tests.data.fuzz FIRST COUNT

Prints the number of each image before it is decoded, so that the last one is the culprit, and figures at the end.
"""

import io
import json
import random
import resource
import signal
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from flowers_jax.data.checks import similar
from flowers_jax.data.decode import DecodeError, decode

MOST_PIXELS = 250_000
MOST_SECONDS = 5
MOST_BYTES = 2**29
"""Of address space, for all that is not there before: libwebp reserves a canvas before its size is known."""

OPTIONS = {
    "JPEG": [("L", {}), ("RGB", {}), ("CMYK", {}), ("RGB", {"progressive": True}), ("RGB", {"optimize": True}),
             ("RGB", {"restart_marker_rows": 1, "comment": b"x" * 99})],
    "PNG": [(mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")] + [("P", {"transparency": 3})],
    "WEBP": [("RGB", {}), ("RGBA", {}), ("RGB", {"lossless": True}), ("RGBA", {"frames": 3})],
    "GIF": [("P", {}), ("P", {"transparency": 3}), ("P", {"frames": 3}), ("L", {"interlace": 0})],
    "BMP": [(mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")],
    "TIFF": [(mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "I;16", "F")]
            + [("RGB", {"compression": kind}) for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")]
            + [("1", {"compression": "group4"}), ("RGB", {"frames": 2}), ("LA", {})],
    "MPO": [("RGB", {"frames": 2})],
}  # fmt: skip


def sound_images() -> list[bytes]:
    """Small ones of each format and mode, some with EXIF."""
    rng = np.random.default_rng(0)
    images = []
    for kind, several in OPTIONS.items():
        for mode, given in several:
            options = dict(given)
            picture = Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)).resize((70, 50))
            grey = picture.convert("L")
            image = (
                Image.fromarray(np.asarray(grey).astype(np.uint16) * 257) if mode == "I;16" else picture.convert(mode)
            )
            frames = options.pop("frames", 1)
            if frames > 1:
                options |= {"save_all": True, "append_images": [image.rotate(90 * n) for n in range(1, frames)]}
            if kind in ("JPEG", "PNG", "WEBP", "TIFF") and len(images) % 2:
                exif = Image.Exif()
                exif[0x0112], exif[0x010F] = 6, "maker"
                options["exif"] = exif
            stream = io.BytesIO()
            image.save(stream, kind, **options)
            images.append(stream.getvalue())
    return images


def mutant(images: list[bytes], number: int) -> bytes:
    """A sound image with one to four kinds of damage; the number decides all."""
    rng = random.Random(number)
    data = rng.choice(images)
    for _ in range(rng.choice([1, 1, 2, 4])):
        data = rng.choice([_flip, _overwrite, _truncate, _insert, _repeat, _inflate, _splice])(rng, data, images)
    return _with_checksums(data) if data.startswith(b"\x89PNG") and rng.random() < 0.8 else data


def _place(rng: random.Random, data: bytes) -> int:
    """Half of the time in the first hundred bytes, where headers are."""
    return rng.randrange(max(1, min(len(data), rng.choice([100, len(data)]))))


def _flip(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice([1, 2, 8, 40])):
        changed[_place(rng, changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at, length = _place(rng, data), rng.choice([1, 4, 30, 500])
    run = rng.choice([bytes(length), b"\xff" * length, rng.randbytes(length)])
    return data[:at] + run + data[at + length :]


def _truncate(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)] + rng.choice([b"", b"", b"\xff\xd9", bytes(5000)])


def _insert(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.choice([bytes(9), rng.randbytes(3), bytes(6000), b"\xff\xda" * 300]) + data[at:]


def _repeat(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
    at, length = _place(rng, data), rng.choice([4, 12, 60, 400])
    return data[: at + length] + data[at : at + length] * rng.choice([1, 2, 50, 400]) + data[at + length :]


def _inflate(rng: random.Random, data: bytes, _: list[bytes]) -> bytes:
    """A huge number where a size, a count or an offset may stand."""
    number = rng.choice([0, 1, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1])
    huge = struct.pack(rng.choice("<>") + "I", number)[: rng.choice([2, 4])]
    at = _place(rng, data)
    return data[:at] + huge + data[at + len(huge) :]


def _splice(rng: random.Random, data: bytes, images: list[bytes]) -> bytes:
    other = rng.choice(images)
    return data[: _place(rng, data)] + other[_place(rng, other) :]


def _with_checksums(data: bytes) -> bytes:
    """Right ones, or a damaged PNG is refused for its checksums and nothing else of the decoder is seen."""
    mended, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        content = data[at + 4 : at + 8 + length]
        mended += data[at : at + 4] + content + struct.pack(">I", zlib.crc32(content))
        at += 12 + length
    return bytes(mended + data[at:])


def main(first: int, count: int) -> dict[str, float]:
    """Decode so many; whatever is neither an image nor a reason ends the process."""
    images = sound_images()
    similar.fingerprint(decode(images[0]))  # what it imports is no image's fault
    space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (space + MOST_BYTES,) * 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {"decoded": 0, "refused": 0, "slowest": 0.0}
    for number in range(first, first + count):
        print(number, flush=True)
        data = mutant(images, number)
        signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)  # whose signal ends the process, wherever it is
        began = time.perf_counter()
        try:
            pixels = decode(data, max_pixels=MOST_PIXELS)
        except DecodeError as error:
            if isinstance(error.__cause__, MemoryError):
                raise
            figures["refused"] += 1
        else:
            assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
            assert 0 < pixels.size <= 3 * MOST_PIXELS
            similar.fingerprint(pixels)
            figures["decoded"] += 1
        figures["slowest"] = max(figures["slowest"], time.perf_counter() - began)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return figures | {"peak": 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
