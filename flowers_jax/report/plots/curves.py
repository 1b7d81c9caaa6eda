"""Loss, accuracy and learning rate of each epoch."""

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from flowers_jax.report.plots import style

Rows = Sequence[Mapping[str, Any]]
"""Of `metrics.csv`: numbers, or their texts."""

PARTS = (("train", "training", style.ORANGE, "o"), ("val", "validation", style.BLUE, "s"))
MOST_MARKED = 60
LEAST_APART = 0.13
"""The share of the axis between two rates that both have their own text."""


@style.styled
def draw(rows: Rows, best_epoch: int = 0, cuts: Sequence[int] = ()) -> Figure:
    """Loss and accuracy of training and validation, and the learning rate on a logarithmic axis.

    Args:
        rows: of at least one epoch.
        best_epoch: whose model is kept; 0 for none.
        cuts: the epochs that begin with a learning rate that ReduceLROnPlateau has cut.
    """
    figure = style.figure(9, 8)
    loss, accuracy, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 2))
    epochs = [int(row["epoch"]) for row in rows]
    _phases((loss, accuracy, rate), rows)
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        _parts(axes, epochs, rows, quantity, best_epoch)
    style.percent_axis(accuracy.yaxis)
    _rates(rate, epochs, rows, cuts)
    for axes in (loss, accuracy, rate):
        axes.grid(axis="y")
        if best_epoch:
            axes.axvline(best_epoch, color=style.QUIET, linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    rate.set_xlabel("epoch")
    rate.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    rate.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    loss.legend(*loss.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return figure


def _parts(axes: Axes, epochs: Sequence[int], rows: Rows, quantity: str, best_epoch: int) -> None:
    for part, name, colour, marker in PARTS:
        values = [float(row[f"{part}_{quantity}"]) for row in rows]
        shape = marker if len(rows) <= MOST_MARKED else ""
        axes.plot(epochs, values, color=colour, marker=shape, markersize=4.5, linewidth=1.8, label=name)
        if part == "val" and best_epoch in epochs:
            best = values[epochs.index(best_epoch)]
            axes.plot(
                [best_epoch], [best], color=style.BLUE, marker="*", markersize=16, markeredgecolor="white",
                linestyle="", label=f"best epoch: {best_epoch}",
            )  # fmt: skip
    axes.set_ylabel(quantity)


def _rates(axes: Axes, epochs: Sequence[int], rows: Rows, cuts: Sequence[int]) -> None:
    """The rate of each epoch; one of 0 has no place on a logarithmic axis."""
    rates = [float(row["learning_rate"]) for row in rows]
    # A step in the middle between two epochs, because a rate holds for a whole epoch.
    axes.plot(epochs, rates, color=style.TEXT, drawstyle="steps-mid", linewidth=1.8)
    shown = [rate for rate in rates if rate > 0]
    if not shown:
        return
    axes.set_yscale("log", nonpositive="mask")
    axes.set_ylim(min(shown) / 2, max(shown) * 2)
    if len(rows) == 1:
        axes.plot(epochs, rates, color=style.TEXT, marker="o", markersize=4.5)
    few, span = sorted(set(shown)), 4 * max(shown) / min(shown)
    if all(high / low > span**LEAST_APART for low, high in pairwise(few)):
        axes.set_yticks(few)
    else:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0,) if span > 40 else (1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("learning rate")
    for epoch in cuts:
        axes.axvline(epoch - 0.5, color=style.PURPLE, linestyle=":", linewidth=1.5, zorder=1)
    if cuts:
        axes.plot(
            [epoch - 0.5 for epoch in cuts], [float(rows[epochs.index(epoch)]["learning_rate"]) for epoch in cuts],
            color=style.PURPLE, marker="v", markersize=7, linestyle="", label="cut by ReduceLROnPlateau",
        )  # fmt: skip
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1, fontsize=11)


def _phases(panels: Sequence[Axes], rows: Rows) -> None:
    """Every second phase is a band. More than one have their names at the top."""
    phases = [(name, [int(row["epoch"]) for row in own]) for name, own in groupby(rows, lambda row: row["phase"])]
    for number, (name, epochs) in enumerate(phases):
        left, right = epochs[0] - 0.5, epochs[-1] + 0.5
        for axes in panels:
            if number % 2:
                axes.axvspan(left, right, color=style.BAND, zorder=0, linewidth=0)
            if number:
                axes.axvline(left, color=style.LINE, linewidth=1.2, zorder=0.5)
        if len(phases) > 1:
            panels[1].annotate(
                style.label(name), (left, 1), (4, 4), xycoords=("data", "axes fraction"), textcoords="offset points",
                color=style.QUIET, fontsize=11,
            )  # fmt: skip
