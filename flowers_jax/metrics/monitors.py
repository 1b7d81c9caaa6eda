"""The columns of `metrics.csv` that plateau, early stopping and checkpoints may monitor."""

from collections.abc import Iterable, Mapping

from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError, nearest
from flowers_jax.metrics.registry import METRICS, Metric, find

PLAIN = {"train_loss": "min", "train_accuracy": "max", "val_loss": "min", "val_accuracy": "max"}
"""The columns that every run has, each with what is better: `min` or `max`."""


def monitored(config: Config, given: Iterable[Metric] = ()) -> dict[str, Metric]:
    """The metrics of a run besides `PLAIN` by column: those of `config.metrics`, and those that a monitor names.

    Args:
        given: objects of Python, which `config.metrics` names too.

    Raises:
        UsageError: there is no metric of a name, two have one name, or a monitor names no column.
    """
    objects = {metric.name: metric for metric in given}
    known = {f"val_{metric.name}": metric for metric in METRICS.values()}
    columns: dict[str, Metric] = {}
    for metric in (objects.get(name) or find(name) for name in config.metrics):
        column = f"val_{metric.name}"
        if column in columns or (column in PLAIN and metric is not known.get(column)):
            raise UsageError(f"--config.metrics={','.join(config.metrics)}: there are two metrics {metric.name}")
        if column not in PLAIN:
            columns[column] = metric
    for section in ("plateau", "early_stopping", "checkpoint"):
        monitor = getattr(config, section).monitor
        if monitor in PLAIN or monitor in columns:
            continue
        if monitor not in known:
            every = (*PLAIN, *(name for name in {**known, **columns} if name not in PLAIN))
            raise UsageError(
                f"--config.{section}.monitor={monitor}: must be one of {', '.join(every)}{nearest(monitor, every)}"
            )
        columns[monitor] = known[monitor]
    return columns


def check_monitors(config: Config) -> None:
    """Refuse a monitor that is no column of `metrics.csv`.

    Raises:
        UsageError: names the monitor and what is possible.
    """
    monitored(config)


def mode_of(column: str, columns: Mapping[str, Metric]) -> str:
    """`min` or `max`: what is better in a column of `metrics.csv`.

    Args:
        columns: the result of `monitored`.
    """
    return PLAIN.get(column) or columns[column].mode
