"""MobileNetV2 with few blocks: the same code, names and groups, compiled in half of the time."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

from flowers_jax.models.mobilenet_v2 import layout, network

FEW = ("block_0", "block_1", "block_2", "block_3", "block_6", "block_10", "block_13", "block_16")
"""The first of each stage, and one more, which has a residual."""
ALL = tuple(block.name for block in layout.blocks(1.0, False))
DEPTHS = [pytest.param(FEW, id="8 blocks"), pytest.param(ALL, id="17 blocks", marks=pytest.mark.slow)]


@contextmanager
def of_blocks(names: Collection[str]) -> Iterator[None]:
    """Networks that are made meanwhile have these blocks alone."""

    def blocks(alpha: float, whole_widths: bool) -> Iterator[layout.Block]:
        return (block for block in layout.blocks(alpha, whole_widths) if block.name in names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "blocks", blocks)
        yield
