"""The reporter that writes `report.html` at the end of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from flowers_jax.config_types import Config
from flowers_jax.evaluation import trained_model
from flowers_jax.outside import is_outside
from flowers_jax.run.directory import REPORT
from flowers_jax.runtime import process
from flowers_jax.training.reporting import Row
from flowers_jax.training.setup import Job


class ReportPage:
    """The photographs may be objects of Python: those of the run are read."""

    def begin(self, config: Config, job: Job, rows: Sequence[Row]) -> None:
        del rows
        self.config, self.job = config, job

    def epoch(self, rows: Sequence[Row]) -> None:
        """Nothing: the page shows a finished run."""

    def end(self, summary: Mapping[str, Any]) -> None:
        del summary
        if not self.config.logging.report:
            return
        with process.unchanged_by_imports():
            from flowers_jax.report import run_report  # loads Jinja2
        name = self.config.model.name
        model = trained_model.load(self.job.run.path, code=name if is_outside(name) else "")
        run_report.write(model, run_report.of_run(model, self.job.dataset), model.run.path / REPORT)
