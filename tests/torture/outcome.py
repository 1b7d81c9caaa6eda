"""What a run left behind, without its times, so that two runs can be compared to the byte."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from flowers_jax.run import seal
from flowers_jax.run.checkpoint import Checkpoints

TIMES = ("images_per_second", "data_wait_seconds", "seconds", "estimated_seconds")
PLAIN = ("config.json", "model.json", "splits.csv", "predictions.csv")


def differences(run: Path, other: Path) -> list[str]:
    """The names of what differs between two finished runs: none if they are equal."""
    first, second = outcome(run), outcome(other)
    return [name for name in first | second if first.get(name) != second.get(name)]


def outcome(run: Path) -> dict[str, Any]:
    """Every file and array of a finished run: bytes as SHA-256, tables without the columns of time."""
    found: dict[str, Any] = {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in PLAIN}
    found["files"] = sorted(path.name for path in run.iterdir())
    found["manifest.json"] = sorted(seal.read(run))
    found["checkpoints"] = sorted(path.name for path in (run / "checkpoints").iterdir())
    found["metrics.csv"], found["summary.json"] = metrics(run), summary(run)
    for number in found["checkpoints"]:
        for path, array in state(run, int(number)).items():
            found[f"{number}/{path}"] = (array.shape, array.dtype, array.tobytes())
        progress = Checkpoints(run).progress(int(number))
        found[f"{number}/progress"] = _timeless(progress) | {
            "sums": _timeless(progress["sums"]), "rows": [_timeless(row) for row in progress["rows"]],
        }  # fmt: skip
    return found


def metrics(run: Path) -> list[dict[str, str]]:
    """The rows of `metrics.csv`."""
    with (run / "metrics.csv").open(newline="") as file:
        return [_timeless(row) for row in csv.DictReader(file)]


def summary(run: Path) -> dict[str, Any]:
    """`summary.json`."""
    return _timeless(json.loads((run / "summary.json").read_text()))


def state(run: Path, number: int = 0) -> dict[str, np.ndarray]:
    """Every array of a checkpoint (default: the latest) by its path, `model/...` and `optimizer/...`."""
    checkpoints = Checkpoints(run)
    arrays = checkpoints.arrays(number or checkpoints.latest() or 0)
    leaves = jax.tree_util.tree_leaves_with_path(arrays)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in TIMES}
