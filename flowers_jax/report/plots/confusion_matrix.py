"""Which classes are taken for which."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from flowers_jax.report.plots import style

COLOURS = matplotlib.colormaps["Blues"]
MOST_SHARES, MOST_NUMBERS, MOST_TICKS, MOST_CELLS = 12, 30, 40, 150
"""Up to so many classes a cell has a count and a share, a count alone, each class has a name on the axes, and a cell is
large enough to be seen."""


@style.styled
def draw(matrix: Int[np.ndarray, "classes classes"], classes: Sequence[str]) -> Figure:
    """The count of each cell, and in its colour the share of its row. A row without photographs stays empty.

    Args:
        matrix: a row for each label, a column for each predicted class.
    """
    count, total = len(classes), int(matrix.sum())
    side = 3.2 + 0.72 * count if count <= MOST_SHARES else 4 + 0.4 * count if count <= MOST_NUMBERS else 13
    figure = style.figure(side + 1.0, side)
    axes = figure.subplots()
    of_row = matrix.sum(1, keepdims=True)
    shares = np.divide(matrix, of_row, out=np.zeros(matrix.shape), where=of_row > 0)
    shown = (axes.imshow if count <= MOST_CELLS else partial(_points, axes))(shares, cmap=COLOURS, vmin=0, vmax=1)
    if count <= MOST_NUMBERS:
        _numbers(axes, matrix, shares)
        axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
        axes.grid(which="minor")
        axes.tick_params(which="minor", length=0)
    _names(axes, classes, np.ravel(of_row))
    axes.spines[:].set_visible(False)
    right = int(np.trace(matrix))
    style.title(axes, "Confusion matrix", f"{right:,} of {total:,} photographs right")
    axes.set_xlabel("predicted class")
    axes.set_ylabel("class")
    bar = figure.colorbar(shown, ax=axes, label="share of the row", shrink=0.7, aspect=25, pad=0.02)
    style.percent_axis(bar.ax.yaxis)
    bar.outline.set_visible(False)  # type: ignore[operator]  # it is a spine
    return figure


def _points(axes: Axes, shares: np.ndarray, **colours: Any) -> PathCollection:
    """Each cell that is not 0 as a point of four pixels, the largest share on top."""
    rows, columns = np.nonzero(shares)
    order = np.argsort(shares[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    axes.set_facecolor(COLOURS(0.0))
    axes.set_xlim(-0.5, len(shares) - 0.5)
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.set_aspect("equal")
    return axes.scatter(
        columns, rows, s=7, c=shares[rows, columns], marker="s", linewidths=0, rasterized=True, **colours
    )


def _numbers(axes: Axes, matrix: np.ndarray, shares: np.ndarray) -> None:
    with_share = len(matrix) <= MOST_SHARES
    for i, j in np.argwhere(matrix):
        text = f"{matrix[i, j]:,}\n{style.percent(float(shares[i, j]))}" if with_share else f"{matrix[i, j]:,}"
        ink = "white" if shares[i, j] > 0.55 else "black"
        axes.text(j, i, text, ha="center", va="center", color=ink, fontsize=11 if with_share else 9, linespacing=1.2)


def _names(axes: Axes, classes: Sequence[str], photographs: np.ndarray) -> None:
    """The name of each class, or of every so many; a class without photographs has a sign."""
    step = -(-len(classes) // MOST_TICKS)
    places = range(0, len(classes), step)
    names = [style.label(classes[place]) for place in places]
    size = 12 if len(classes) <= MOST_SHARES else 10
    steep = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if len(classes) <= MOST_SHARES else {}
    axes.set_xticks(places, names, **(steep or {"rotation": 90}), fontsize=size)
    remarks = ["" if photographs[place] else " (no photograph)" for place in places]
    axes.set_yticks(places, [name + remark for name, remark in zip(names, remarks, strict=True)], fontsize=size)
    axes.tick_params(which="major", length=0 if step == 1 else 3)
