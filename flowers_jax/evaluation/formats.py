"""Predictions as text: a row of CSV, an object of JSON or a line of a table for each photograph, while they come."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from flowers_jax.runtime.terminal import shown

TOP = 3
"""How many of the likeliest classes are written by default."""

Ranked = tuple[str, list[tuple[str, float]]]
"""A path, and the likeliest classes with their probabilities, the likeliest first."""


def ranked(path: str, probabilities: np.ndarray, classes: Sequence[str], top: int) -> Ranked:
    best = (-probabilities).argsort(kind="stable")[:top]  # the first of equal values, like argmax
    return path, [(classes[int(i)], float(probabilities[i])) for i in best]


def csv_lines(rows: Iterable[Ranked], classes: Sequence[str], top: int) -> Iterator[str]:
    """The columns `path,label,probability,label_2,probability_2` and so on. The columns of `TOP` classes are there for
    a model of fewer classes too, and are empty.
    """
    places = range(1, min(top, max(TOP, len(classes))) + 1)
    names = [name if place == 1 else f"{name}_{place}" for place in places for name in ("label", "probability")]
    header = _csv_line(["path", *names])
    for path, best in rows:
        cells = [cell for label, probability in best for cell in (label, f"{probability:.6f}")]
        yield header + _csv_line([path, *cells, *[""] * (len(names) - len(cells))])
        header = ""


def _csv_line(cells: Sequence[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()


def json_lines(rows: Iterable[Ranked], classes: Sequence[str], top: int) -> Iterator[str]:  # noqa: ARG001
    """One list; each line has one object, `{"path", "predictions": [{"label", "probability"}, ...]}`."""
    before = "[\n"
    for path, best in rows:
        predictions = [{"label": label, "probability": round(probability, 6)} for label, probability in best]
        yield before + json.dumps({"path": path, "predictions": predictions})
        before = ",\n"
    yield "\n]\n"


def table_lines(rows: Iterable[Ranked], classes: Sequence[str], top: int) -> Iterator[str]:  # noqa: ARG001
    """Percentages and classes in columns, then the path, which may have any length."""
    width = max(len(shown(name)) for name in classes)
    for path, best in rows:
        cells = [f"{probability:6.1%}  {shown(label):<{width}}" for label, probability in best]
        yield "  ".join([*cells, shown(path)]) + "\n"


FORMATS: dict[str, Callable[[Iterable[Ranked], Sequence[str], int], Iterator[str]]] = {
    "csv": csv_lines,
    "json": json_lines,
    "table": table_lines,
}
"""`FORMATS[name](rows, classes, top)` gives the text piece by piece, and none before the first row."""
