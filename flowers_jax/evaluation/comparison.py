"""Several finished runs beside each other: the facts that the terminal and the page of `compare` show."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowers_jax.config import KEYS, flatten
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import paired
from flowers_jax.evaluation.paired import Contents
from flowers_jax.metrics.intervals import LEVEL, holm
from flowers_jax.run.directory import RunDirectory
from flowers_jax.run.listing import runs as listed

FIGURES = (
    "val_accuracy", "val_loss", "test_accuracy", "test_loss", "test_examples", "parameters", "trainable_parameters",
    "epochs", "best_epoch", "stopped_reason", "seconds", "images_per_second",
)  # fmt: skip
"""Of `summary.json`."""

CURVES = ("epoch", "val_loss", "val_accuracy")
"""Columns of `metrics.csv`."""


def compare(runs: Sequence[str | Path]) -> dict[str, Any]:
    """What differs between finished runs. The first is the one that every other is compared with.

    Args:
        runs: run directories, and folders of them, as a sweep or a cross-validation writes.

    Returns:
        `runs`: a row for each run: `name`, `path`, `dataset`, `model`, `FIGURES` of its summary, `val_examples`,
        `test_interval` (Wilson's, 95 %) and `test_calibrated_ece`; test figures are None without a test part.
        `keys`: the keys of the config that differ, each with its values in the order of `runs`, None where a run has
        no such key. `per_class`: for each class its `support`, `recall` and `f1` in the order of `runs`, on each run's
        own test part; None where there is none. `against_first`: for each run but the first `name`, the figures of
        `paired.pair`, `p_holm` (Holm's correction for all these tests) and `words`, which say it. `curves`: for each
        run the columns `CURVES`. `warnings` and `notes`: what must be known beside the figures.

    Raises:
        UsageError: there are fewer than two runs, one is given twice, is not finished or is damaged.
    """
    paths, left_out = _paths(runs)
    names = _names(paths)
    contents = [Contents(name, RunDirectory(path)) for name, path in zip(names, paths, strict=True)]
    first, *others = contents
    pairs: list[dict[str, Any]] = [{"name": other.name} | paired.pair(first, other) for other in others]
    corrected = iter(holm([one["p"] for one in pairs if one["p"] is not None]))
    for one in pairs:
        one["p_holm"] = None if one["p"] is None else next(corrected)
        one["words"] = _words(first.name, one, len(pairs))
    found = [warning for other in others for warning in paired.warnings(first, other)]
    return {
        "runs": [_row(one) for one in contents],
        "keys": _keys(contents),
        "per_class": _per_class(contents),
        "against_first": pairs,
        "curves": [_curves(one) for one in contents],
        "warnings": [*left_out, *found],
        "notes": _notes(first.name, pairs),
    }


def _paths(given: Sequence[str | Path]) -> tuple[list[Path], list[str]]:
    """The run directories, and which runs of a folder are left out."""
    paths: list[Path] = []
    left_out = []
    for one in given:
        rows = listed(one)
        if not rows:
            raise UsageError(
                f"{one}: no run directory, and none below it (no model.json); train.py prints where it writes"
            )
        for row in rows:
            why = "" if row["finished"] else row["error"] or "the run is not finished"
            if not why:
                paths.append(Path(row["path"]))
            elif row["path"] == str(Path(one).expanduser()):
                more = "" if row["error"] else "; train.py with its --workdir goes on"
                raise UsageError(f"{one}: {why.removeprefix('--run=')}{more}")
            else:
                left_out.append(f"{row['path']} is left out: {why.removeprefix('--run=')}")
    real = [os.path.realpath(path) for path in paths]
    if twice := [path for path, one in zip(paths, real, strict=True) if real.count(one) > 1]:
        raise UsageError(f"{twice[0]}: the same run is given twice; give each once")
    if len(paths) < 2:
        raise UsageError(
            f"{', '.join(map(str, given))}: {len(paths)} finished run; give two or more, or a folder of runs"
        )
    return paths, left_out


def _names(paths: Sequence[Path]) -> list[str]:
    """What tells the paths apart: their ends, below the folder that has all of them."""
    absolute = [path.absolute() for path in paths]
    return [os.path.relpath(path, os.path.commonpath(absolute)) for path in absolute]


def _row(contents: Contents) -> dict[str, Any]:
    run, predictions = contents.run, contents.predictions
    summary, tested = run.read_summary() or {}, bool(predictions.paths)
    return {
        "name": contents.name,
        "path": str(run.path),
        "dataset": summary["dataset"],
        "model": summary["model"],
        **{name: summary.get(name) for name in FIGURES},
        "val_examples": sum(row["split"] == "validation" for row in contents.splits.values()),
        "test_interval": list(predictions.interval) if tested else None,
        "test_calibrated_ece": predictions.ece() if tested else None,
    }


def _keys(contents: Sequence[Contents]) -> dict[str, list[Any]]:
    """In the order of `KEYS`, then options and the user's own; an object of Python is `given`."""
    configs = [flatten(one.run.read_config()) for one in contents]
    every = dict.fromkeys((*KEYS, *(key for config in configs for key in config)))
    values = {key: [config.get(key) for config in configs] for key in every}
    return {key: row for key, row in values.items() if any(value != row[0] for value in row)}


def _per_class(contents: Sequence[Contents]) -> dict[str, dict[str, list[Any]]]:
    of_runs = [one.predictions.per_class() for one in contents]
    return {
        name: {
            figure: [_of_class(scores.get(name), figure) for scores in of_runs]
            for figure in ("support", "recall", "f1")
        }
        for name in sorted({name for scores in of_runs for name in scores})
    }


def _of_class(scores: Mapping[str, Any] | None, figure: str) -> Any:
    return scores[figure] if scores and scores["support"] else None


def _curves(contents: Contents) -> dict[str, list[float | None]]:
    rows = contents.run.read_csv("metrics.csv")
    return {name: [_number(row.get(name)) for row in rows] for name in CURVES}


def _number(text: str | None) -> float | None:
    value = float(text or "nan")
    return value if math.isfinite(value) else None


def _words(first: str, one: Mapping[str, Any], tests: int) -> str:
    """What McNemar's test says of a run and the first, in a sentence or two."""
    name, shared, alone, first_alone = one["name"], one["shared"], one["only_right"], one["only_first_right"]
    if not shared:
        return f"{name}: no test photograph in common with {first}, so no test of the difference is possible."
    right, first_right = (f"{100 * one[count] / shared:.1f} %" for count in ("right", "first_right"))
    begin = f"{name}: {right} of the {shared} photographs that both tested, {first_right} with {first}"
    if not alone + first_alone:
        return f"{begin}; each is right on the same ones."
    points = 100 * abs(alone - first_alone) / shared
    says = "is more than chance explains" if one["p_holm"] < 1 - LEVEL else "may be chance"
    corrected = f"; {_p(one['p_holm'])} after Holm's correction for {tests} tests" if tests > 1 else ""
    return (
        f"{begin}. The difference of {points:.1f} points {says} ({_p(one['p'])}{corrected}): "
        f"{alone} are right with {name} alone, {first_alone} with {first} alone."
    )


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _notes(first: str, pairs: Sequence[Mapping[str, Any]]) -> list[str]:
    notes, many = [], len(pairs) > 1
    if many:
        best = "The best test accuracy of several is flattered: choose by validation."
        notes.append(f"Every run is compared with the first, {first}. {best}")
    if any(one["shared"] for one in pairs):
        corrected = (
            " Of many differences some are large by chance, so what is said follows the corrected p." if many else ""
        )
        notes.append(f"McNemar's test is of these models: another seed of the same settings gives another.{corrected}")
    return notes
