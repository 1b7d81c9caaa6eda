"""Precision, recall and F1 of each class."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from flowers_jax.report.plots import style

MOST_CLASSES = 40
FIGURES = (
    ("precision", style.BLUE, {"marker": "o", "markersize": 11, "markerfacecolor": "none", "markeredgewidth": 2}),
    ("recall", style.ORANGE, {"marker": "|", "markersize": 17, "markeredgewidth": 3}),
    ("f1", style.TEXT, {"marker": "D", "markersize": 5}),
)
"""Each with a colour and a shape; all three are seen where they are equal."""


@style.styled
def draw(scores: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A row for each class that has photographs, the lowest F1 at the top; of more than 40 the lowest 40.

    Args:
        scores: `precision`, `recall`, `f1` and `support` by class, as `Predictions.per_class`.
    """
    tested = [(name, own) for name, own in scores.items() if own["support"]]
    rows = sorted(tested, key=lambda row: row[1]["f1"])[:MOST_CLASSES]
    figure = style.figure(9, 2.2 + 0.38 * max(1, len(rows)))
    axes = figure.subplots()
    for place, (_, own) in enumerate(rows):
        values = [own[figure] for figure, *_ in FIGURES]
        axes.plot([min(values), max(values)], [place, place], color=style.QUIET, linewidth=1.2, zorder=1)
    for name, colour, shape in FIGURES:
        values, text = [own[name] for _, own in rows], "F1" if name == "f1" else name
        axes.plot(values, range(len(rows)), color=colour, linestyle="", label=text, clip_on=False, **shape)
    for place, (_, own) in enumerate(rows):
        axes.annotate(
            f"{own['support']:,}", (1, place), (52, 0), textcoords="offset points", va="center", ha="right",
            color=style.QUIET,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [style.label(name) for name, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    style.percent_axis(axes.xaxis)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower right", ncols=3)
    style.title(axes, "Precision, recall and F1 of each class", _small_print(len(scores), len(tested), len(rows)))
    return figure


def _small_print(classes: int, tested: int, drawn: int) -> str:
    which = f"the {drawn} with the lowest F1 of {tested} classes" if drawn < tested else "lowest F1 first"
    none = f"; {classes - tested} without a photograph left out" if tested < classes else ""
    return f"{which}{none}; on the right the number of test photographs"
