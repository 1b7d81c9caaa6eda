"""The reporters of a run. What they draw with is imported when they draw, so that a run begins at once."""

from flowers_jax.report.page import ReportPage
from flowers_jax.report.pictures import Pictures
from flowers_jax.report.tensorboard import TensorBoard
from flowers_jax.training.reporting import Reporter


def standard() -> tuple[Reporter, ...]:
    """Those of a single run. Each is idle where `config.logging` says so."""
    return Pictures(), TensorBoard(), ReportPage()


def of_many() -> tuple[Reporter, ...]:
    """Those of each run of a study: numbers for TensorBoard, and no pictures and no report."""
    return (TensorBoard(pictures=False),)
