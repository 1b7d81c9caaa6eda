"""Chromium, and the modules of the page as a server delivers them."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowers_jax.export import page
from tests import browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server that delivers the folder."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def modules(chromium) -> Iterator[Any]:
    """A page of Playwright that imports the JavaScript of the package as `/NAME.js`."""
    with served(Path(page.__file__).parent) as address:
        tab = chromium.new_page()
        tab.goto(f"{address}/style.css")
        yield tab
        tab.close()


@contextmanager
def visited(chromium: Any, folder: Path, **how: Any) -> Iterator[Any]:
    """The page of an exported folder, ready, in a fresh profile.

    Fails at the end on anything on the console, an error of the page, a request after it was ready, and if anything
    is stored.

    Args:
        how: of the context of Playwright, as `color_scheme`.
    """
    from playwright.sync_api import expect

    wrong: list[str] = []
    with served(folder) as address:
        context = chromium.new_context(**how)
        try:
            page = context.new_page()
            page.on("console", lambda said: wrong.append(f"console: {said.text}"))
            page.on("pageerror", lambda error: wrong.append(f"page: {error}"))
            page.goto(f"{address}/index.html")
            expect(page.locator("#status")).to_have_text("Ready.", timeout=60_000)
            page.on("request", lambda asked: wrong.append(f"request: {asked.url}"))
            yield page
            assert page.evaluate(STORED) == 0 and context.cookies() == []
            assert not wrong, "\n".join(wrong)
        finally:
            context.close()


STORED = """
async () => {
  const named = await Promise.all([indexedDB.databases(), caches.keys()]);
  return localStorage.length + sessionStorage.length + named.flat().length;
}
"""
