"""Predictions as CSV, JSON and a table."""

import csv
import io
import json
import os

import numpy as np
import pytest

from flowers_jax.evaluation.formats import FORMATS, ranked

CLASSES = ("a,b", "<script>", 'say "x"\n')
HOSTILE = ["two\nlines.jpg", "-rf", 'quote".jpg', "comma,.jpg", os.fsdecode(b"caf\xe9.jpg"), "\x1b[2J.jpg", "\u202egpj"]


def written(form: str, probabilities, classes=CLASSES, top=3, paths=("x.jpg",)) -> str:
    rows = (ranked(path, np.array(probabilities), classes, top) for path in paths)
    return "".join(FORMATS[form](rows, classes, top))


def test_equal_probabilities_are_ranked_as_argmax_ranks_them():
    assert ranked("x", np.array([0.2, 0.4, 0.4]), "abc", 2) == ("x", [("b", 0.4), ("c", 0.4)])


@pytest.mark.parametrize(
    ("top", "classes", "header"),
    [
        (1, "abcd", "path,label,probability"),
        (3, "abcd", "path,label,probability,label_2,probability_2,label_3,probability_3"),
        (99, "ab", "path,label,probability,label_2,probability_2,label_3,probability_3"),
        (99, "abcd", "path,label,probability,label_2,probability_2,label_3,probability_3,label_4,probability_4"),
    ],
)
def test_csv_has_a_column_for_each_place(top, classes, header):
    probabilities = np.linspace(1, 0, len(classes))
    first, row = written("csv", probabilities, tuple(classes), top).splitlines()
    assert first == header and row.count(",") == header.count(",")
    assert row.startswith("x.jpg,a,1.000000")


def test_what_is_read_back_is_what_was_said():
    probabilities = [0.25, 0.5, 0.25]
    rows = list(csv.reader(io.StringIO(written("csv", probabilities, paths=HOSTILE), newline="")))[1:]
    assert [row[0] for row in rows] == HOSTILE
    assert all(row[1:] == ["<script>", "0.500000", "a,b", "0.250000", 'say "x"\n', "0.250000"] for row in rows)
    text = written("json", probabilities, top=2, paths=HOSTILE)
    assert len(text.splitlines()) == len(HOSTILE) + 2 and text.isascii()
    best = [{"label": "<script>", "probability": 0.5}, {"label": "a,b", "probability": 0.25}]
    assert json.loads(text) == [{"path": path, "predictions": best} for path in HOSTILE]


def test_a_table_is_aligned_and_shows_no_control_character():
    text = written("table", [0.004, 0.996, 0.0], top=2, paths=["a.jpg", *HOSTILE])
    lines = text.splitlines()
    assert lines[0] == " 99.6%  <script>     0.4%  a,b        a.jpg"
    assert len(lines) == len(HOSTILE) + 1 and all(line.isprintable() for line in lines)
    assert {line[: lines[0].index("a.jpg")] for line in lines} == {lines[0][: lines[0].index("a.jpg")]}


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_written_before_the_first_photograph(form):
    def none():
        yield from ()
        raise KeyError

    with pytest.raises(KeyError):
        next(FORMATS[form](none(), CLASSES, 3))
