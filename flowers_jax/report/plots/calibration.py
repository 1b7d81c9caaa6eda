"""Whether photographs that are predicted with a probability of 80 % are right in 80 % of cases."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from flowers_jax import metrics
from flowers_jax.metrics.intervals import wilson
from flowers_jax.metrics.probability import BINS
from flowers_jax.report.plots import style


@style.styled
def draw(bins: Sequence[tuple[float, float, int]], ece: float) -> Figure:
    """The reliability diagram (Guo et al. 2017, https://arxiv.org/abs/1706.04599) above a histogram of probabilities.

    Args:
        bins: mean probability, accuracy and photographs of each bin that is not empty, as `Predictions.calibration`.
        ece: the expected calibration error.
    """
    figure = style.figure(7.5, 8.5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    confidence, accuracy, counts = (np.array(column) for column in zip(*bins, strict=True))
    intervals = np.array([wilson(round(a * n), n) for _, a, n in bins]).T
    above.plot([0, 1], [0, 1], color=style.QUIET, linestyle=(0, (4, 3)), linewidth=1.2, label="perfect calibration")
    above.errorbar(
        confidence, accuracy, np.maximum(0, [accuracy - intervals[0], intervals[1] - accuracy]), color=style.BLUE,
        marker="o", markersize=7, linewidth=1.8, elinewidth=1.1, capsize=3, clip_on=False,
        label="accuracy of a bin, with its 95 % interval",
    )  # fmt: skip
    above.set_ylabel("accuracy")
    above.set_ylim(0, 1)
    above.set_xlim(0, 1)
    style.title(above, "Calibration", f"ECE {ece:.4f} on {counts.sum():,} test photographs, with the run's temperature")
    below.bar((metrics.bin_of(confidence) + 0.5) / BINS, counts, 0.9 / BINS, color=style.BLUE)
    below.set_ylabel("photographs")
    below.set_xlabel("probability of the predicted class")
    below.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    for axes in (above, below):
        axes.grid(axis="y")
        style.percent_axis(axes.xaxis)
    style.percent_axis(above.yaxis)
    figure.legend(loc="outside lower right", fontsize=11)
    return figure
