"""Pages of one file in headless Chromium: what a reader sees, and what the browser and axe-core find wrong.

Tests that use it carry the mark `wings`. Without Chromium they are skipped, and fail where the environment has CI=true.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
WIDTHS, HEIGHT, SCHEMES = (390, 1280), 900, ("light", "dark")


def check(file: Path, look: Callable[[Any], None] | None = None, screenshots: Path | None = None) -> None:
    """Open the page at each width in each colour scheme, and fail on whatever is wrong with it.

    Wrong are an error on the console or of the page, a request beyond the file itself, a page that is wider than the
    screen, and a serious or critical finding of axe-core.

    Args:
        look: more checks of each page of Playwright, with every `<details>` open.
        screenshots: a folder for a PNG of each.
    """
    with chromium() as browser:
        for width in WIDTHS:
            for scheme in SCHEMES:
                with opened(browser, file, width, scheme) as page:
                    if screenshots:
                        page.screenshot(path=screenshots / f"{file.stem}-{width}-{scheme}.png", full_page=True)
                    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                    too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                    assert too_wide <= 0, f"{file.name} is {too_wide} pixels wider than {width}"
                    if look:
                        look(page)
                    assert not (found := findings(page)), "\n".join(found)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        why = f"no {', '.join(NAMES)} on the PATH"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, file: Path, width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """The page of a file; fails at once, or at the end, on an error or a request beyond the file."""
    address, wrong = file.resolve().as_uri(), []
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    try:
        page = context.new_page()
        page.on("console", lambda said: wrong.append(f"console: {said.text}") if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(f"page: {error}"))
        page.on("request", lambda asked: wrong.append(f"request: {asked.url}") if _leaves(asked.url, address) else None)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert not wrong, "\n".join(wrong)
        yield page
        assert not wrong, "\n".join(wrong)
    finally:
        context.close()


def findings(page: Any) -> list[str]:
    """The serious and the critical findings of axe-core, each with the element where it is."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{found['impact']}: {found['help']}: {node['html'][:200]} {node['failureSummary']}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def _leaves(url: str, address: str) -> bool:
    return not url.startswith("data:") and url.partition("#")[0] != address
