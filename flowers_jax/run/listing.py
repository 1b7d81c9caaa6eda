"""Lists the runs below a folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowers_jax.errors import UsageError
from flowers_jax.run.directory import RunDirectory

FIGURES = (
    "epochs",
    "best_epoch",
    "val_accuracy",
    "val_loss",
    "test_accuracy",
    "test_loss",
    "stopped_reason",
    "seconds",
)
"""Of `summary.json`."""

ROW = ("path", "dataset", "model", "seed", *FIGURES, "finished", "error")


def runs(folder: str | Path) -> list[dict[str, Any]]:
    """Every run in `folder` and below it, sorted by path, the folds of a cross-validation and points of a sweep too.

    Returns:
        For each run `path`, `dataset`, `model`, `seed`, `finished`, the `FIGURES` of its summary, and `error`. An
        unfinished run has None for the figures except `epochs`, those that are done. `error` says which file is
        damaged; all that is not known is None then. It is "" for every other run.

    Raises:
        UsageError: there is no such folder.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    return [_row(path) for path in sorted(_paths(root))]


def _paths(root: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(root):
        if "model.json" in files:
            folders.clear()  # its checkpoints
            yield Path(where)


def _row(path: Path) -> dict[str, Any]:
    row = dict.fromkeys(ROW) | {"path": str(path), "finished": False, "error": ""}
    try:
        run = RunDirectory.existing(path)
        description, config, summary = run.read_model(), run.read_config(), run.read_summary()
        row |= {"dataset": description["dataset"]["name"], "model": config.model.name, "seed": config.seed}
        if summary:
            return row | {name: summary.get(name) for name in FIGURES} | {"finished": True}
        done = run.read_csv("metrics.csv") if (run.path / "metrics.csv").is_file() else []
        return row | {"epochs": len(done)}
    except (UsageError, OSError, KeyError, TypeError) as error:
        return row | {"error": str(error)}
