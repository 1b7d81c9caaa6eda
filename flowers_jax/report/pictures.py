"""The reporter that draws a run: `plots/` of the run directory, in SVG and PNG."""

import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from flowers_jax import metrics
from flowers_jax.config_types import Config
from flowers_jax.evaluation import predictions
from flowers_jax.report.first_batch import first_batch
from flowers_jax.runtime import process
from flowers_jax.storage import atomic
from flowers_jax.training.reporting import Row
from flowers_jax.training.setup import Job

FOLDER = "plots"
SECONDS = 30.0
"""The least time between two drawings of the curves."""


class Pictures:
    """Draws inputs of the training batch first, the curves while the run trains, and everything at its end.

    After a failure it draws nothing until the end.
    """

    def begin(self, config: Config, job: Job, rows: Sequence[Row]) -> None:
        """A resumed run keeps its picture of the training batch, which would be the same."""
        self.config, self.job, self.rows = config, job, rows
        self.draws, self.drawn = config.logging.report, time.monotonic()
        folder = job.run.path / FOLDER
        if self.draws and not (folder / "train_batch.png").exists():
            for partial in folder.glob(f"{atomic.PARTIAL}*"):  # of a killed process
                shutil.rmtree(partial)
            self.draws = False
            self._save(drawing()[0].of_batch(first_batch(config, job), job.dataset.classes))
            self.draws = True

    def epoch(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        if not self.draws or time.monotonic() - self.drawn < SECONDS:
            return
        monitor = self.config.checkpoint.monitor
        best = best_epoch(rows, monitor, metrics.mode_of(monitor, self.job.columns))
        self.draws = False
        self._save(drawing()[0].of_epochs(rows, self.config, best, self.job.steps_per_epoch))
        self.draws, self.drawn = True, time.monotonic()

    def end(self, summary: Mapping[str, Any]) -> None:
        config, job = self.config, self.job
        if not config.logging.report:
            return
        tested, (of_run, _) = predictions.of_run(job.run), drawing()
        self._save(
            chain(
                of_run.of_epochs(self.rows, config, summary["best_epoch"], job.steps_per_epoch),
                of_run.of_test(tested),
                of_run.of_photographs(tested, job.dataset.read, job.preprocessing, config.data.max_pixels),
            )
        )

    def _save(self, pictures: Iterable[tuple[str, Any]]) -> None:
        for name, figure in pictures:
            drawing()[1].save(figure, self.job.run.path / FOLDER, name)


def best_epoch(rows: Sequence[Row], monitor: str, mode: str) -> int:
    """The first epoch with the best value of `monitor`.

    Args:
        mode: `min` or `max`.
    """
    best = {"min": min, "max": max}[mode]
    return int(best(rows, key=lambda row: float(row[monitor]))["epoch"])


def drawing() -> tuple[Any, Any]:
    """`plots.of_run` and `plots.save`. They load matplotlib, so they are imported when something is drawn."""
    with process.unchanged_by_imports():
        from flowers_jax.report.plots import of_run, save
    return of_run, save
