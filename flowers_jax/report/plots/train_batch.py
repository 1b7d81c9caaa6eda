"""What the model sees: inputs of a training batch, after the augmentation."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure

from flowers_jax.report.plots import style
from flowers_jax.report.plots.photographs import Shown, grid

COLUMNS = 4


@style.styled
def draw(
    images: UInt8[np.ndarray, "shown height width 3"],
    targets: Float[np.ndarray, "shown classes"],
    classes: Sequence[str],
    small: str = "",
) -> Figure:
    """A grid of inputs with their labels; a mixed input has the share of each.

    Args:
        small: the line of small print.
    """
    shown = [Shown(image, _labels(target, classes)) for image, target in zip(images, targets, strict=True)]
    return grid(shown, COLUMNS, "Inputs of a training batch, as the model sees them", small)


def _labels(target: np.ndarray, classes: Sequence[str]) -> list[str]:
    largest = [int(index) for index in np.argsort(-target, kind="stable") if target[index] > 0][:2]
    if len(largest) == 1:
        return [style.label(classes[largest[0]])]
    return [f"{style.percent(float(target[index]))} {style.label(classes[index], 18)}" for index in largest]
