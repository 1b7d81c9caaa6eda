"""K-fold cross-validation: each fold is an ordinary run; the results are combined."""

import statistics
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.report.reporters import of_many
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import processes
from flowers_jax.studies.naming import named
from flowers_jax.training.loop import fit

COLUMNS = ("path", "label", "predicted", "probability", "fold")


def cross_validate(config: Config | ConfigDict, workdir: str | Path, folds: int = 5, **given: Any) -> dict[str, Any]:
    """Call `fit` for each fold in `workdir/fold-1` and following; a finished fold is not trained again.

    Writes `predictions.csv`, with a prediction of every photograph by the model that did not see it, and
    `cross_validation.json`.

    Args:
        given: what else `fit` takes, as `data`; callbacks see the epochs of every fold.

    Returns:
        `folds`, `accuracies`, `mean`, `sd` (of the folds, with n - 1), `pooled` (the share of all photographs with a
        right prediction), `examples`, `seconds`.

    Raises:
        As `fit`; and TrainingError if the photographs change between folds, UsageError if `workdir` is a run
            directory or the config sets folds itself.
    """
    processes.refuse("a cross-validation")
    directory, config = RunDirectory(workdir), config_lib.validate(config)
    if (directory.path / "config.json").exists():
        raise UsageError(f"--workdir={directory.path}: holds a single run; give another folder")
    for name, value in (("folds", config.data.folds), ("fold", config.data.fold)):
        if value != config_lib.KEYS[f"data.{name}"].default:
            raise UsageError(f"--config.data.{name}={value}: all of {folds} folds are run; leave it out")
    summaries, rows, contents = [], [], {}
    given = {"reporters": of_many()} | given
    for fold in range(1, folds + 1):
        run = RunDirectory(directory.path / f"fold-{fold}")
        print(f"fold {fold} of {folds}", flush=True)
        with named(f"fold {fold}", run, "--workdir", directory):
            summaries.append(
                fit(config_lib.replace(config, {"data.folds": folds, "data.fold": fold}), run.path, **given)
            )
        found = {path: row["sha256"] for path, row in run.read_splits().items()}
        contents = contents or found
        if found != contents:
            raise TrainingError(f"fold {fold} has other photographs than fold 1: start anew with another --workdir")
        rows += [row | {"fold": str(fold)} for row in run.read_predictions()]
    accuracies = [summary["test_accuracy"] for summary in summaries]
    result = {
        "folds": folds,
        "accuracies": accuracies,
        "mean": statistics.mean(accuracies),
        "sd": statistics.stdev(accuracies),
        "pooled": sum(row["label"] == row["predicted"] for row in rows) / len(rows),
        "examples": len(rows),
        "seconds": round(sum(summary["seconds"] for summary in summaries), 2),
    }
    directory.write_csv("predictions.csv", COLUMNS, rows)
    directory.write_json("cross_validation.json", result)
    return result
