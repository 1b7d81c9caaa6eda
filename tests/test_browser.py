"""The check of pages finds what is wrong with a page."""

import pytest

from tests import browser

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>
<link rel="icon" href="data:,"></head><body><main><h1>Flowers</h1>{}</main></body></html>"""

WRONG = {
    '<img alt="a flower" src="http://127.0.0.1:9/flower.png">': "request: http://127.0.0.1:9/flower.png",
    '<img alt="a flower" src="beside.png">': "request: file:",
    "<script>console.error('it fails')</script>": "console: it fails",
    "<script>throw new Error('it fails')</script>": "page: it fails",
    '<div style="width: 2000px">wide</div>': "pixels wider than 390",
    '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">': "critical: Images must have alternative text",
    '<p style="color: #ccc; background: #fff">pale</p>': "serious: Elements must meet minimum color contrast",
}


@pytest.mark.wings
def test_a_good_page_passes_and_is_looked_at(tmp_path):
    (tmp_path / "good.html").write_text(PAGE.format("<details><summary>More</summary><p>of it</p></details>"))
    seen = []
    browser.check(tmp_path / "good.html", lambda page: seen.append(page.inner_text("p")), tmp_path)
    assert seen == ["of it"] * 4
    assert {path.name for path in tmp_path.glob("*.png")} == {
        f"good-{width}-{scheme}.png" for width in (390, 1280) for scheme in ("light", "dark")
    }


@pytest.mark.wings
@pytest.mark.parametrize(("body", "words"), WRONG.items(), ids=WRONG.values())
def test_a_bad_page_is_found(tmp_path, body, words):
    (tmp_path / "bad.html").write_text(PAGE.format(body))
    with pytest.raises(AssertionError, match=words):
        browser.check(tmp_path / "bad.html")


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_chromium_only_ci_fails(monkeypatch, tmp_path, ci, outcome):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(browser, "NAMES", ("no-such-browser",))
    with pytest.raises(outcome, match="no no-such-browser on the PATH"):
        browser.check(tmp_path / "any.html")
