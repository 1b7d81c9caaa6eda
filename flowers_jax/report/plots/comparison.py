"""The curves of several runs over each other, as SVG.

No name of a run is in the picture: the page has the legend, as text.
"""

import io
from collections.abc import Sequence

from matplotlib import colormaps, rc_context
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

COLOURS = [to_hex(colour) for colour in colormaps["tab10"].colors]  # type: ignore[attr-defined]  # of a ListedColormap
DASHES = ("", "5 2")
MOST = len(COLOURS) * len(DASHES)
"""How many runs can be told apart."""

INK = "#101112"
"""Stands for the colour of text, which follows the scheme of the page."""

SCHEMES = "<style>:root{--ink:#1b1f24}@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb}}</style>"


def stroke(number: int) -> tuple[str, str]:
    """The colour (`#rrggbb`) and the dashes of a run, as SVG has them; no two of the first `MOST` are the same."""
    return COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]


def curves(epochs: Sequence[Sequence[float]], values: Sequence[Sequence[float | None]], label: str) -> bytes:
    """A line for each run; where a value is None the line has a gap.

    Args:
        label: of the vertical axis.
    """
    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "comparison"}):
        figure = Figure((5, 3.2), layout="constrained")
        axes = figure.add_subplot(xlabel="epoch", ylabel=label)
        for number, (x, y) in enumerate(zip(epochs, values, strict=True)):
            colour, dashes = stroke(number)
            style = (0, tuple(map(float, dashes.split()))) if dashes else "-"
            y = [float("nan") if one is None else one for one in y]
            axes.plot(x, y, color=colour, linestyle=style, marker="o" if len(x) < 3 else "")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.15, color=INK)
        axes.tick_params(colors=INK)
        axes.spines[["top", "right"]].set_visible(False)
        for spine in axes.spines.values():
            spine.set_color(INK)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    head, opening, rest = stream.getvalue().partition("<defs>")
    return (head + SCHEMES + opening + rest).replace(INK, "var(--ink)").encode()
