"""MobileNetV2 with few blocks: the same code and the same names, compiled in a third of the time."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flowers_jax.models.mobilenet_v2 import layout

FEW = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 1, 2), (6, 64, 1, 2))
DEPTHS = [pytest.param(FEW, id="5 blocks"), pytest.param(layout.STAGES, id="17 blocks", marks=pytest.mark.slow)]


@contextmanager
def of_stages(stages: tuple[tuple[int, int, int, int], ...]) -> Iterator[None]:
    """Networks that are made meanwhile have these stages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "STAGES", stages)
        yield
