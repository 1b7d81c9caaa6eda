"""The tables and the page of a comparison of runs, from the facts of `evaluation.comparison.compare`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flowers_jax.config import text_of
from flowers_jax.report import html
from flowers_jax.report.html import percent

Facts = Mapping[str, Any]

NOTHING = "-"


class Difference(NamedTuple):
    """A class, its figure in the first run, and by how much those of the other runs differ from it.

    Attributes:
        differences: None where a run has no test photograph of the class.
    """

    name: str
    support: int | None
    first: float | None
    differences: list[float | None]

    @property
    def largest(self) -> float:
        return max((abs(one) for one in self.differences if one is not None), default=0.0)


def _interval(run: Facts) -> str:
    low, high = run["test_interval"] or (None, None)
    return NOTHING if low is None else f"{100 * low:.1f} to {percent(high)}"


def _number(form: str, key: str) -> Callable[[Facts], str]:
    return lambda run: NOTHING if run[key] is None else format(run[key], form)


def _share(key: str) -> Callable[[Facts], str]:
    return lambda run: percent(run[key])


FIGURES: dict[str, Callable[[Facts], str]] = {
    "test accuracy": _share("test_accuracy"),
    "95 % interval": _interval,
    "test photographs": _number("d", "test_examples"),
    "test loss": _number(".4f", "test_loss"),
    "calibrated ECE": _share("test_calibrated_ece"),
    "validation accuracy": _share("val_accuracy"),
    "validation photographs": _number("d", "val_examples"),
    "validation loss": _number(".4f", "val_loss"),
    "best epoch": _number("d", "best_epoch"),
    "epochs": _number("d", "epochs"),
    "parameters": _number(",d", "parameters"),
    "trained parameters": _number(",d", "trainable_parameters"),
    "seconds": _number(".0f", "seconds"),
    "images per second": _number(".0f", "images_per_second"),
}


def figures(facts: Facts) -> list[list[str]]:
    """A table with a column for each run; the first row has their names."""
    names = ["", *(run["name"] for run in facts["runs"])]
    return [names, *([label, *map(cell, facts["runs"])] for label, cell in FIGURES.items())]


def keys(facts: Facts) -> list[list[str]]:
    """As `figures`: the keys of the config that differ."""
    names = ["", *(run["name"] for run in facts["runs"])]
    return [names, *([key, *map(_value, values)] for key, values in facts["keys"].items())]


def _value(value: Any) -> str:
    return NOTHING if value is None else text_of(value) or "(empty)"


def turned(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows as columns."""
    return [list(column) for column in zip(*table, strict=True)]


def per_class(facts: Facts, figure: str, most: int) -> tuple[list[Difference], int]:
    """The classes of which `recall` or `f1` differs most, and how many others there are."""
    rows = []
    for name, values in facts["per_class"].items():
        first, *others = values[figure]
        differences = [None if first is None or one is None else one - first for one in others]
        rows.append(Difference(name, values["support"][0], first, differences))
    rows.sort(key=lambda row: -row.largest)
    return rows[:most], max(0, len(rows) - most)


def classes(facts: Facts, figure: str, most: int) -> tuple[list[list[str]], int]:
    """`per_class` as a table; the first row has the names of the runs."""
    rows, more = per_class(facts, figure, most)
    table = [["class", "photographs", *(run["name"] for run in facts["runs"])]]
    for row in rows:
        support = NOTHING if row.support is None else str(row.support)
        table.append([row.name, support, percent(row.first), *map(points, row.differences)])
    return table, more


def points(difference: float | None) -> str:
    """A difference of two shares in points of percent: `+1.8`."""
    text = NOTHING if difference is None else f"{100 * difference:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


MOST_CLASSES, MOST_COLUMNS = 50, 4
"""Of the page."""


def write(file: Path, facts: Facts) -> None:
    """Write the page, completely or not at all."""
    from flowers_jax.report.plots import comparison as plots  # loads matplotlib

    tables, heads = [figures(facts), keys(facts)], "name"
    if len(facts["runs"]) > MOST_COLUMNS:
        tables, heads = [turned(table) for table in tables], ""
    values = {
        "title": f"Comparison of {len(facts['runs'])} runs",
        "facts": facts,
        "heads": heads,
        "figures": tables[0],
        "keys": tables[1] if facts["keys"] else None,
        "legend": [(run["name"], *plots.stroke(number)) for number, run in enumerate(facts["runs"][: plots.MOST])],
        "pictures": _pictures(facts["curves"][: plots.MOST]),
        "points": points,
        "p_value": _p_value,
        "per_class": {figure: per_class(facts, figure, MOST_CLASSES) for figure in ("recall", "f1")},
    }
    html.write(file, "compare.html", values)


def _pictures(curves: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(title, address of the picture) of the curves that the page shows."""
    from flowers_jax.report.plots import comparison as plots
    from flowers_jax.report.plots.save import page_svg

    pictures = []
    for column, label in (("val_accuracy", "validation accuracy"), ("val_loss", "validation loss")):
        values = [curve[column] for curve in curves]
        figure = plots.draw([curve["epoch"] for curve in curves], values, label, shares=column == "val_accuracy")
        pictures.append((label, html.data_uri(page_svg(figure), "image/svg+xml")))
    return pictures


def _p_value(p: float | None) -> str:
    return NOTHING if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
