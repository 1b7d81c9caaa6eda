"""Reporters: what draws and writes beside a run, from its first step to its summary. None of them can end the run.

The layers above pass them to `training.loop.fit`. A reporter that fails is told of in one line, and the run goes on.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from flowers_jax.config_types import Config
from flowers_jax.errors import ReportWarning, first_line
from flowers_jax.training.setup import Job

Row = Mapping[str, Any]
"""Of `metrics.csv`."""


@runtime_checkable
class Reporter(Protocol):
    def begin(self, config: Config, job: Job, rows: Sequence[Row]) -> None:
        """Before the first step. The files of the run are there; `rows` are the epochs that a resumed run has."""

    def epoch(self, rows: Sequence[Row]) -> None:
        """After each epoch; the last row is its own."""

    def end(self, summary: Mapping[str, Any]) -> None:
        """After `summary.json` is written."""


def tell(reporters: Sequence[Reporter], event: str, *arguments: Any) -> None:
    """Call `begin`, `epoch` or `end` of each reporter.

    Warns:
        ReportWarning: one failed.
    """
    for reporter in reporters:
        try:
            getattr(reporter, event)(*arguments)
        except Exception as error:
            warnings.warn(f"{type(reporter).__name__}: {first_line(error)}", ReportWarning, stacklevel=2)
