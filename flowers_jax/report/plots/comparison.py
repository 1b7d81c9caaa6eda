"""The curves of several runs over each other.

No name of a run is in the picture: the page has the legend, as text.
"""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from flowers_jax.report.plots import style

COLOURS = (style.BLUE, style.ORANGE, style.GREEN, style.RED, style.PURPLE, "#8a6d00", "#5b8ff9", "#7f7f7f")
DASHES = ("", "6 2", "2 2")
MOST = len(COLOURS) * len(DASHES)
"""How many runs can be told apart."""


def stroke(number: int) -> tuple[str, str]:
    """The colour (`#rrggbb`) and the dashes of a run, as SVG has them; no two of the first `MOST` are the same."""
    return COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]


@style.styled
def draw(
    epochs: Sequence[Sequence[float]], values: Sequence[Sequence[float | None]], label: str, *, shares: bool = False
) -> Figure:
    """A line for each run, with a gap where a value is None.

    Args:
        label: of the vertical axis; shares: its ticks are percents.
    """
    figure = style.figure(6, 4)
    axes = figure.add_subplot(xlabel="epoch", ylabel=label)
    for number, (x, y) in enumerate(zip(epochs, values, strict=True)):
        colour, dashes = stroke(number)
        pattern = (0, tuple(map(float, dashes.split()))) if dashes else "-"
        heights = [float("nan") if value is None else value for value in y]
        marker = "o" if len(x) == 1 else ""
        axes.plot(x, heights, color=colour, linestyle=pattern, linewidth=1.6, marker=marker, markersize=4)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if shares:
        style.percent_axis(axes.yaxis)
    return figure
