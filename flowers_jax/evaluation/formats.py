"""Predictions as text: a row of CSV, an object of JSON or a line of a table for each photograph, while they come."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

import numpy as np

from flowers_jax.runtime.terminal import shown

TOP = 3
"""How many of the likeliest classes are written by default."""

Ranked = tuple[str, list[tuple[str, float]]]
"""A path, and the likeliest classes with their probabilities, the likeliest first."""


def ranked(path: str, probabilities: np.ndarray, classes: Sequence[str], top: int) -> Ranked:
    best = (-probabilities).argsort(kind="stable")[:top]  # the first of equal values, like argmax
    return path, [(classes[int(i)], float(probabilities[i])) for i in best]


def write_csv(rows: Iterable[Ranked], file: TextIO, classes: Sequence[str], top: int) -> None:
    """The columns `path,label,probability,label_2,probability_2` and so on. The columns of `TOP` classes are written
    for a model of fewer classes too, and are empty.
    """
    places = range(1, min(top, max(TOP, len(classes))) + 1)
    names = [name if place == 1 else f"{name}_{place}" for place in places for name in ("label", "probability")]
    writer = csv.writer(file, lineterminator="\n")
    for number, (path, best) in enumerate(rows):
        if number == 0:
            writer.writerow(["path", *names])
        cells = [cell for label, probability in best for cell in (label, f"{probability:.6f}")]
        writer.writerow([path, *cells, *[""] * (len(names) - len(cells))])


def write_json(rows: Iterable[Ranked], file: TextIO, classes: Sequence[str], top: int) -> None:  # noqa: ARG001
    """One list; each line has one object, `{"path", "predictions": [{"label", "probability"}, ...]}`."""
    before = "[\n"
    for path, best in rows:
        predictions = [{"label": label, "probability": round(probability, 6)} for label, probability in best]
        file.write(before + json.dumps({"path": path, "predictions": predictions}))
        before = ",\n"
    file.write("\n]\n")


def write_table(rows: Iterable[Ranked], file: TextIO, classes: Sequence[str], top: int) -> None:  # noqa: ARG001
    """Percentages and classes in columns, then the path, which may have any length."""
    width = max(len(shown(name)) for name in classes)
    for path, best in rows:
        cells = [f"{probability:6.1%}  {shown(label):<{width}}" for label, probability in best]
        file.write("  ".join([*cells, shown(path)]) + "\n")


FORMATS: dict[str, Callable[[Iterable[Ranked], TextIO, Sequence[str], int], None]] = {
    "csv": write_csv,
    "json": write_json,
    "table": write_table,
}
