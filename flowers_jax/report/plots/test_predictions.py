"""Test photographs with what the model says of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from flowers_jax.report.plots import style
from flowers_jax.report.plots.photographs import Shown, grid

COLUMNS = 5


class Tested(NamedTuple):
    """A test photograph, its class, and the predicted class with its probability."""

    image: UInt8[np.ndarray, "height width 3"]
    label: str
    predicted: str
    probability: float


@style.styled
def draw(tested: Sequence[Tested], small: str = "") -> Figure:
    """A grid of photographs; a mistake has a cross, its class and a red frame, and a hit has a tick.

    Args:
        small: the line of small print.
    """
    return grid([_shown(one) for one in tested], COLUMNS, "Predictions of test photographs", small)


def _shown(one: Tested) -> Shown:
    right = one.label == one.predicted
    said = f"{'✓' if right else '✗'} {style.percent(one.probability)} {style.label(one.predicted, 15)}"
    truth = "" if right else f"is {style.label(one.label, 20)}"
    return Shown(one.image, [said, truth], style.GREEN if right else style.RED)
