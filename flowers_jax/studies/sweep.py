"""A sweep: every point of a grid is an ordinary run, seeds are averaged, and validation chooses."""

import contextlib
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.data import shared
from flowers_jax.errors import DivergenceError, TrainingError
from flowers_jax.metrics import mode_of, monitored
from flowers_jax.report.reporters import of_many
from flowers_jax.run import lock
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import compilation, processes
from flowers_jax.studies.grid import Grid, Point, points
from flowers_jax.studies.naming import named
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import prepare

FLAG = "--out"


class Outcome(NamedTuple):
    """A point that is finished; without a figure and a summary if it diverged (`errors.DivergenceError`).

    Attributes:
        figure: `config.checkpoint.monitor` of the run's model.
    """

    point: Point
    figure: float | None
    summary: dict[str, Any] | None


def sweep(config: Config | ConfigDict, grid: Grid, out: str | Path) -> dict[str, Any]:
    """Call `fit` for each point of `grid` in a folder of `out`; a finished point is not trained again.

    The points share compiled programs and decoded photographs. Writes `sweep.csv`, a row for each point, and
    `sweep.json`, the result. Neither has test figures of a point that is not chosen.

    Returns:
        `monitor`, `better` (`min` or `max`); `table`: for each setting of the keys that are no seeds its `keys`, the
        `mean`, the `sd` (with n - 1; null for one run) and `n` of the monitor over its `runs`; `chosen`: the row of
        `table` with the best mean; `test`: `accuracy` and `loss` of the chosen setting, each with `mean`, `sd` and
        `n`, and the `examples` of each run; null without a test part; `diverged`: the runs whose loss was not finite,
        whose settings have no mean; `seconds` of all runs.

    Raises:
        As `fit`; and UsageError for a mistake in any point, before the first trains and anything is written;
            TrainingError if no setting has a figure.
    """
    processes.refuse("a sweep")
    directory, config = RunDirectory(out), config_lib.validate(config)
    of_grid, monitor = points(config, grid, directory), config.checkpoint.monitor
    with shared.sharing(), compilation.shared_programs(), contextlib.ExitStack() as held:
        _check(of_grid, directory)
        with named("sweep", directory, FLAG, directory):
            directory.check_writable()
            held.enter_context(lock.owned(directory.path))
        (directory.path / "sweep.json").unlink(missing_ok=True)  # perhaps of another grid
        outcomes: list[Outcome] = []
        for number, point in enumerate(of_grid, start=1):
            print(f"point {number} of {len(of_grid)}: {point.name}", flush=True)
            outcomes.append(_run(point, directory, monitor))
            directory.write_csv("sweep.csv", (*grid, monitor, "seconds", "path"), _rows(outcomes, monitor))
        result = _result(outcomes, monitor, mode_of(monitor, monitored(config)))
        directory.write_json("sweep.json", result)
    return result


def _check(of_grid: Sequence[Point], directory: RunDirectory) -> None:
    """Find the mistakes of every setting before the first run; another seed brings no other mistake."""
    checked = []
    for point in of_grid:
        with named(point.name, point.run, FLAG, directory):
            begun = point.run.check(point.config)
            finished = begun and point.run.read_summary()
            if not finished and point.setting not in checked:
                prepare(point.config, point.run, begun)
                checked.append(point.setting)


def _run(point: Point, directory: RunDirectory, monitor: str) -> Outcome:
    try:
        with named(point.name, point.run, FLAG, directory):
            summary = fit(point.config, point.run.path, print_test=False, reporters=of_many())
    except DivergenceError as error:
        print(f"diverged: {error}", flush=True)
        return Outcome(point, None, None)
    (row,) = (row for row in point.run.read_csv("metrics.csv") if int(row["epoch"]) == summary["model_epoch"])
    return Outcome(point, float(row[monitor]), summary)


def _rows(outcomes: Sequence[Outcome], monitor: str) -> list[dict[str, Any]]:
    return [
        {key: config_lib.text_of(value) for key, value in point.values.items()}
        | {monitor: figure, "seconds": summary and summary["seconds"], "path": point.run.path.name}
        for point, figure, summary in outcomes
    ]


def _result(outcomes: Sequence[Outcome], monitor: str, better: str) -> dict[str, Any]:
    settings: list[dict[str, Any]] = []
    for outcome in outcomes:
        if outcome.point.setting not in settings:
            settings.append(outcome.point.setting)
    table = [_setting(keys, outcomes) for keys in settings]
    with_figure = [row for row in table if row["mean"] is not None]
    if not with_figure:
        raise TrainingError("the loss was not finite in any setting: try lower values of --config.learning_rate")
    best = {"min": min, "max": max}[better]
    chosen = best(with_figure, key=lambda row: row["mean"])  # the first of equal ones
    return {
        "monitor": monitor,
        "better": better,
        "table": table,
        "chosen": chosen,
        "test": _test([outcome.summary or {} for outcome in outcomes if outcome.point.setting == chosen["keys"]]),
        "diverged": [outcome.point.run.path.name for outcome in outcomes if outcome.figure is None],
        "seconds": round(sum(outcome.summary["seconds"] for outcome in outcomes if outcome.summary), 2),
    }


def _setting(keys: dict[str, Any], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A row of the table: the runs of one setting."""
    own = [outcome for outcome in outcomes if outcome.point.setting == keys]
    figures = [outcome.figure for outcome in own if outcome.figure is not None]
    spread = _spread(figures) if len(figures) == len(own) else {"mean": None, "sd": None, "n": len(figures)}
    return {"keys": keys} | spread | {"runs": [outcome.point.run.path.name for outcome in own]}


def _test(summaries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    if not all(summary["test_examples"] for summary in summaries):
        return None
    figures = {name: _spread([summary[f"test_{name}"] for summary in summaries]) for name in ("accuracy", "loss")}
    return figures | {"examples": [summary["test_examples"] for summary in summaries]}


def _spread(values: Sequence[float]) -> dict[str, Any]:
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "sd": sd, "n": len(values)}
