"""Encodes decoded photographs, so that what is no file is read like one, by the only decoder."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image


def encode(rgb: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """A BMP of a photograph [H, W, 3], which `decode.decode` gives back to the bit.

    It is not compressed, so it is fast.
    """
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, "BMP")
    return stream.getvalue()
