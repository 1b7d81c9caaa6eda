"""What EfficientNet-Lite is made of, as numbers and names: stages, blocks, versions, groups of parameters.

Source: Google's `efficientnet/lite/efficientnet_lite_builder.py` in tensorflow/tpu.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from flowers_jax.models.groups import Groups, groups
from flowers_jax.models.inverted_residual import Block, make_divisible

STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip
"""(expansion, channels, repeats, stride of the first, kernel size) of the seven stages of version 0."""

STEM, LAST = 32, 1280
"""Channels before and after the stages, in every version."""


class Version(NamedTuple):
    """How much wider and deeper than version 0, and the height and width in pixels that it was trained on."""

    width: float
    depth: float
    size: int


VERSIONS = (Version(1.0, 1.0, 224), Version(1.0, 1.1, 240), Version(1.1, 1.2, 260))


def blocks(version: int) -> Iterator[Block]:
    """Those of a version, in order. The first and the last stage have one block in every version."""
    width, depth, _ = VERSIONS[version]
    number = 0
    for stage, (expansion, channels, repeats, stride, kernel_size) in enumerate(STAGES, start=1):
        count = repeats if stage in (1, len(STAGES)) else math.ceil(depth * repeats)
        for repeat in range(count):
            here = stride if repeat == 0 else 1
            yield Block(f"block_{number}", stage, expansion, make_divisible(channels * width), here, kernel_size)
            number += 1


GROUPS: Groups = groups("stem", *(f"stage_{number}" for number in range(1, len(STAGES) + 1)), "last", "head")
"""The parameters from the input to the head. A stage is one layer for `config.optimizer.layer_decay`."""
