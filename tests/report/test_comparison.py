"""The page of a comparison: what its facts say, names as text, and few classes of many."""

import base64
import re
from pathlib import Path

import pytest
from markupsafe import escape

from flowers_jax.evaluation.comparison import compare
from flowers_jax.report import comparison
from flowers_jax.report.plots.comparison import MOST, stroke
from flowers_jax.runtime.terminal import shown
from tests import browser
from tests.made_runs import Photograph, judged, write

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Runs with a hostile name each, of a hostile class and of one with a line break and a right-to-left mark."""
    classes = (HOSTILE, "da\nisy\u202e", "$rose$")
    photographs = judged([True, True, False, True], HOSTILE, "$rose$") + judged([True], "da\nisy\u202e", HOSTILE, 10)
    photographs += judged([False, True], "$rose$", HOSTILE, 20)
    other = [one._replace(predicted=HOSTILE) for one in photographs]
    first = write(tmp_path / '"><img src=x onerror=alert(1)>', photographs, classes, epochs=4)
    return [first, write(tmp_path / "new\nline\u202e 'b' $x$", other, classes, seed=3, epochs=1)]


def test_the_page_has_the_facts(two, tmp_path):
    facts = compare(two)
    comparison.write(tmp_path / "page.html", facts)
    text = (tmp_path / "page.html").read_text()
    for fact in ("71.4 %", "57.1 %", facts["against_first"][0]["words"], "seed", *facts["warnings"]):
        assert str(escape(shown(fact))) in text
    pictures = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', text)
    svgs = [base64.b64decode(one).decode() for one in pictures]
    assert len(svgs) == 2 and "validation accuracy" in svgs[0] and "validation loss" in svgs[1]
    assert all("prefers-color-scheme" in one and stroke(number)[0] in one for one in svgs for number in (0, 1))


def test_names_are_text(two, tmp_path):
    comparison.write(tmp_path / "page.html", compare(two))
    text = (tmp_path / "page.html").read_text()
    assert HOSTILE not in text and str(escape(HOSTILE)) in text
    assert "<img src=x" not in text and "\u202e" not in text and "da\\nisy\\u202e" in text
    assert re.findall(r"<script|onerror=(?!alert\(1\)&gt;)", text) == []


def test_the_largest_differences_come_first_and_no_page_has_a_thousand_classes(tmp_path):
    classes = tuple(f"class {number:04}" for number in range(1000))
    a = [Photograph(name, name, "test", name) for name in classes]
    b = [*a[:700], a[700]._replace(predicted=classes[0]), *a[701:]]
    facts = compare([write(tmp_path / "a", a, classes), write(tmp_path / "b", b, classes)])
    rows, more = comparison.per_class(facts, "recall", 10)
    assert len(rows) == 10 and more == 990
    assert (rows[0].name, rows[0].support, rows[0].first, rows[0].differences) == ("class 0700", 1, 1.0, [-1.0])
    comparison.write(tmp_path / "page.html", facts)
    text = (tmp_path / "page.html").read_text()
    assert text.count('<th scope="row">class ') == 2 * comparison.MOST_CLASSES and "950 more classes" in text
    assert len(text) < 2**18


def test_many_runs_are_rows_and_have_curves_that_differ(tmp_path):
    number, facts = MOST + 1, compare([write(tmp_path / name, judged([True]), seed=ord(name)) for name in "ab"])
    facts["runs"] = [facts["runs"][0] | {"name": f"run {one}"} for one in range(number)]
    facts["curves"] = facts["curves"][:1] * number
    for values in (facts["keys"], *facts["per_class"].values()):
        values.update({name: row[:1] * number for name, row in values.items()})
    comparison.write(tmp_path / "page.html", facts)
    text = (tmp_path / "page.html").read_text()
    assert f"The curves of the first {MOST} of {MOST + 1} runs" in text and '<th scope="row">run 20</th>' in text
    assert len({stroke(number) for number in range(MOST)}) == MOST >= 20


def test_a_difference_is_in_points():
    assert [comparison.points(one) for one in (0.018, -0.25, 0.0, -0.0001, None)] == [
        "+1.8",
        "-25.0",
        "0.0",
        "0.0",
        "-",
    ]


@pytest.mark.wings
def test_a_browser_and_axe_find_nothing_wrong(two, tmp_path):
    comparison.write(tmp_path / "two.html", compare(two))
    browser.check(tmp_path / "two.html", _no_image_but_the_curves)
    photographs = judged([True, False, True])
    six = [write(tmp_path / f"{HOSTILE[1:7]} {number}", photographs, seed=number) for number in range(6)]
    comparison.write(tmp_path / "six.html", compare(six))
    browser.check(tmp_path / "six.html")


def _no_image_but_the_curves(page):
    assert page.locator("img").count() == 2 and page.locator("script").count() == 0
    assert page.get_by_role("heading", name="Comparison of 2 runs").is_visible()
