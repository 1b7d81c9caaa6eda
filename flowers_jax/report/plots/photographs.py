"""Photographs side by side, each with lines of text below."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from flowers_jax.report.plots import style

CELL, GAP, ROW, HEAD = 1.9, 0.2, 0.2, 0.85
"""Inches: the side of a photograph, between two, a line of text, and the title."""


class Shown(NamedTuple):
    """A photograph with its lines of text, and the colour of its frame and first line."""

    image: UInt8[np.ndarray, "height width 3"]
    lines: Sequence[str]
    colour: str = style.TEXT


def grid(shown: Sequence[Shown], columns: int, title: str, small: str = "") -> Figure:
    """In rows of `columns`, with a title and a line of small print; call it within `style.settings`."""
    columns, lines = min(columns, max(1, len(shown))), max((len(one.lines) for one in shown), default=0)
    width = max(6.5, columns * (CELL + GAP) + GAP)
    step = CELL + 0.12 + ROW * lines + GAP
    height = HEAD + -(-len(shown) // columns) * step
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))  # whose unit is an inch, from the upper left corner
    axes.set_axis_off()
    axes.text(GAP, 0.36, title, fontsize=13, fontweight="bold")
    axes.text(GAP, 0.64, small, fontsize=11, color=style.QUIET)
    for number, one in enumerate(shown):
        left, top = GAP + number % columns * (CELL + GAP), HEAD + number // columns * step
        box = (left, left + CELL, top + CELL, top)
        axes.imshow(one.image, extent=box, interpolation="auto" if len(one.image) > 64 else "nearest")
        axes.plot(
            [box[0], box[1], box[1], box[0], box[0]], [box[2], box[2], box[3], box[3], box[2]], color=one.colour,
            linewidth=2.5 if one.colour != style.TEXT else 0.6,
        )  # fmt: skip
        below = Rectangle((left, top + CELL), CELL + GAP - 0.05, step - CELL, transform=axes.transData)
        for row, line in enumerate(one.lines):
            colour, weight = (one.colour, "bold") if row == 0 else (style.TEXT, "normal")
            y = top + CELL + 0.12 + ROW * (row + 0.5)
            text = axes.text(left, y, line, fontsize=9.5, color=colour, fontweight=weight, va="center", clip_on=True)
            text.set_clip_path(below)  # wide letters do not reach the next photograph
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    return figure
