"""The metrics by name that `metrics.csv` can hold as `val_NAME`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flowers_jax.registry import Registry
from flowers_jax.types import HostLabels, HostLogits


@dataclass(frozen=True)
class Metric:
    """A figure of predictions.

    Attributes:
        name: the column of `metrics.csv` is `val_` and this name.
        function: from logits, float [N, classes], and labels, int [N], on the host, to a number.
        mode: what is better: `min`, the least value, or `max`, the largest.
    """

    name: str
    function: Callable[[Any, Any], float]
    mode: str = "max"

    def __post_init__(self):
        if self.mode not in ("min", "max"):
            raise ValueError(f"metric {self.name}: mode {self.mode!r}: must be 'min' or 'max'")
        if not self.name.isidentifier():
            raise ValueError(f"metric {self.name!r}: its name must be letters, digits and _")


METRICS = Registry("metrics", Metric)
register, find = METRICS.register, METRICS.find


def values(logits: HostLogits, labels: HostLabels, more: Iterable[Metric] = ()) -> dict[str, float]:
    """Every metric of the package, and `more`, by name."""
    return {one.name: float(one.function(logits, labels)) for one in (*METRICS.values(), *more)}
