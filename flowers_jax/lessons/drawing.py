"""The parts of the pictures: grids of numbers, images and blocks."""

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Polygon

COLOURS = matplotlib.colormaps["RdBu"]
"""Red below zero, white at zero, blue above."""

FRONT, TOP, SIDE = "#9ecae1", "#c6dbef", "#6baed6"
TEXT = 15


def figure(width: float, height: float) -> Figure:
    """A figure in inches of 100 pixels. It does not use pyplot, so nothing outside the figure changes."""
    return Figure(figsize=(width, height), dpi=100, layout=ConstrainedLayoutEngine(w_pad=0.15))


def png(drawn: Figure) -> bytes:
    """The figure as PNG, cropped with a margin. The same figure gives the same bytes."""
    stream = io.BytesIO()
    drawn.savefig(stream, format="png", bbox_inches="tight", pad_inches=0.15, metadata={"Software": None})
    return stream.getvalue()


def grid(axes: Axes, values: np.ndarray, title: str, texts: Sequence[Sequence[str]]) -> None:
    """Draw [H, W] as cells with a text in each, on a colour scale with zero in the middle."""
    height, width = values.shape
    norm = _coloured(axes, values, title, bar=0.18 / height)
    for i, row in enumerate(texts):
        for j, text in enumerate(row):
            axes.text(j, i, text, ha="center", va="center", fontsize=TEXT, color=_ink(float(norm(values[i, j]))))
    axes.set_xticks(np.arange(width + 1) - 0.5, labels=[])
    axes.set_yticks(np.arange(height + 1) - 0.5, labels=[])
    axes.grid(color="#606060", linewidth=0.8)
    axes.tick_params(length=0)


def image(axes: Axes, values: np.ndarray, title: str) -> None:
    """Draw uint8 [H, W, 3] in its colours, or float [H, W] in grey from 0 to 1."""
    axes.imshow(values, cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, fontsize=TEXT)
    axes.set_axis_off()


def response(axes: Axes, values: np.ndarray, title: str) -> None:
    """Draw [H, W] in colours without texts, on a scale with zero in the middle."""
    _coloured(axes, values, title, bar=0.05)
    axes.set_xticks([])
    axes.set_yticks([])


def _coloured(axes: Axes, values: np.ndarray, title: str, bar: float) -> CenteredNorm:
    """Draw with a colour bar below, as wide as the axes and with the share `bar` of their height."""
    furthest = float(np.abs(values).max()) or 1.0
    norm = CenteredNorm(0, halfrange=furthest)
    shown = axes.imshow(values, cmap=COLOURS, norm=norm)
    axes.set_title(title, fontsize=TEXT)
    below = axes.inset_axes((0, -2.2 * bar, 1, bar))
    ticks = [-furthest, 0, furthest]
    shown.axes.figure.colorbar(shown, cax=below, orientation="horizontal", ticks=ticks)
    below.set_xticks(ticks, labels=[f"{tick:.3g}" for tick in ticks], fontsize=TEXT - 2)
    return norm


def _ink(place: float) -> str:
    """Black on a light cell, white on a dark one, by the luminance of the cell."""
    red, green, blue, _ = COLOURS(place)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.45 else "white"


def blocks(axes: Axes, shapes: Sequence[tuple[int, ...]], steps: Sequence[str]) -> None:
    """Draw activations [H, W, C] as boxes and [N] as columns, from left to right, with an arrow and a text between.

    Height and width are to scale. Channels are on a logarithmic scale, so that 3 and 192 fit into one picture.
    """
    largest = max(shape[0] for shape in shapes if len(shape) == 3)
    left = 0.0
    for index, shape in enumerate(shapes):
        right = _block(axes, left, shape, largest)
        axes.text((left + right) / 2, -1.75, "x".join(map(str, shape)), ha="center", va="top", fontsize=TEXT + 1)
        if index < len(steps):
            arrow = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.5}
            axes.annotate("", (right + 2.5, 0), (right + 0.2, 0), arrowprops=arrow)
            axes.text(right + 1.35, 0.15, steps[index], ha="center", va="bottom", fontsize=TEXT - 1)
        left = right + 2.7
    axes.set_xlim(-0.2, left - 2.3)
    axes.set_ylim(-2.1, 1.6)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _block(axes: Axes, left: float, shape: tuple[int, ...], largest: int) -> float:
    """Draw one block, centred at height zero; return its right end."""
    if len(shape) == 1:
        side, depth, half = 0.3, 0.08, 0.25 * np.log2(shape[0] + 1) / 2
    else:
        side, depth, half = 0.2 * np.log2(shape[2] + 1), 1.1 * shape[1] / largest, 1.1 * shape[0] / largest
    slope = 0.5 * depth
    low, high, right = -half - slope / 2, half - slope / 2, left + side
    faces = (
        (FRONT, [(left, low), (right, low), (right, high), (left, high)]),
        (TOP, [(left, high), (right, high), (right + slope, high + slope), (left + slope, high + slope)]),
        (SIDE, [(right, low), (right + slope, low + slope), (right + slope, high + slope), (right, high)]),
    )
    for colour, corners in faces:
        axes.add_patch(Polygon(corners, facecolor=colour, edgecolor="#2b4a63", linewidth=1))
    return right + slope
