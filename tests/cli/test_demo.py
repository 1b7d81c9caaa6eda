"""The page of a model on this machine: served until Ctrl-C, to this machine alone."""

import os
import re
import signal
import socket
import urllib.request
import webbrowser

import pytest

from tests.scripts.commands import script, tree


@pytest.fixture
def page(tmp_path):
    """What stands for a folder of export.py."""
    page = tmp_path / "exported" / "model.page"
    (page / "runtime").mkdir(parents=True)
    for name in ("index.html", "page.js", "runtime/ort.wasm"):
        (page / name).write_text(name)
    return page


@pytest.fixture
def opened(monkeypatch):
    """A browser that asks for three files and presses Ctrl-C: (address, types of content)."""
    seen = []

    def open_(address: str) -> None:
        try:
            for name in ("", "page.js", "runtime/ort.wasm"):
                with urllib.request.urlopen(address + name, timeout=10) as response:
                    seen.append((response.url, response.headers.get_content_type(), response.headers["Cache-Control"]))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(webbrowser, "open", open_)
    return seen


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("given", ["exported", "exported/model.page"])
def test_an_exported_folder_is_served_and_opened(opened, tmp_path, capsys, given):
    before = tree(tmp_path)
    assert script("demo", f"--run={tmp_path / given}", "--port=0") == 0
    out, error = capsys.readouterr()
    (address,) = re.findall(r"http://127\.0\.0\.1:\d+/", out)
    assert error == "" and opened == [
        (address, "text/html", "no-store"),
        (f"{address}page.js", "text/javascript", "no-store"),
        (f"{address}runtime/ort.wasm", "application/wasm", "no-store"),
    ]
    assert tree(tmp_path) == before


def test_it_is_served_to_this_machine_unless_told_otherwise(page, monkeypatch):
    bound = []
    monkeypatch.setattr(webbrowser, "open", lambda _: None)
    monkeypatch.setattr(
        "http.server.ThreadingHTTPServer.serve_forever", lambda self: bound.append(self.server_address[0])
    )
    for flags in ([], ["--bind=0.0.0.0"]):
        assert script("demo", f"--run={page}", "--port=0", *flags) == 0
    assert bound == ["127.0.0.1", "0.0.0.0"]


def test_a_mistake_is_one_line(page, tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for flags, words in (
            ([f"--run={page}", f"--port={port}"], f"--bind=127.0.0.1 --port={port}: .*in use; give another port, or"),
            ([f"--run={page}", "--port=70000"], "--port=70000: .*must be 0-65535"),
            ([f"--run={page}", "--bind=no.such.machine.invalid"], "--bind=no.such.machine.invalid --port=8000: "),
            ([f"--run={tmp_path}", "--port=0"], f"--run={tmp_path}: no run directory"),
        ):
            assert script("demo", *flags) == 2
            out, error = capsys.readouterr()
            assert re.search(words, error) and error.count("\n") == 1 and out == ""


@pytest.mark.wings
@pytest.mark.network
def test_a_run_is_exported_first(tmp_path, opened, capsys):
    from tests.export.conftest import train

    train("seed_cnn", tmp_path)
    assert script("demo", f"--run={tmp_path / 'run'}", "--port=0") == 0
    assert "model.page, " in capsys.readouterr().out
    assert [kind for _, kind, _ in opened[:1]] == ["text/html"]
