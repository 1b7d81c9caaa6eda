"""Array shapes by name. The test suite executes these annotations (jaxtyping + beartype)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float, Float32, Int, UInt8

Devices = Sequence[Any]
"""A sequence of `jax.Device`; a type checker does not accept that name as a type."""

Images = UInt8[Array, "batch height width 3"] | UInt8[np.ndarray, "batch height width 3"]
"""Decoded photographs, [B, H, W, 3], uint8."""

Picture = Float32[Array, "height width 3"]
"""One image with values of 0 to 255, [H, W, 3], float32."""

Activations = Float[Array, "batch _height _width _channels"]
"""[B, H, W, C], float32 or bfloat16."""

Logits = Float32[Array, "batch classes"]
"""Unnormalised class scores on the device, [B, classes]."""

HostLogits = Float[np.ndarray, "examples classes"]
HostFeatures = Float32[np.ndarray, "examples features"]
HostLabels = Int[np.ndarray, "examples"]
Labels = Int[Array, "batch"]
Mask = Bool[Array, "batch"]
"""True for a real example, False for a row that only fills the batch."""


def described(array: np.ndarray) -> str:
    """Dtype and shape as messages have them: `uint8 [10, 28, 28, 3]`."""
    return f"{array.dtype} [{', '.join(map(str, array.shape))}]"
