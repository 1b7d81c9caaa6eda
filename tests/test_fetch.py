"""Downloads: from real local servers, a local package index and the real one; the SHA-256 decides."""

import contextlib
import hashlib
import http.server
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from flowers_jax import download, fetch

CONTENT = bytes(range(256)) * 4096 + b"the last petals"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HALF, WHOLE = len(CONTENT) // 2, len(CONTENT)
NAME = "petals.bin"


class Fault(NamedTuple):
    """What goes wrong with an answer after so many bytes of it; a `hold` goes on when the site's `gate` opens."""

    kind: str
    after: int


class Site(http.server.ThreadingHTTPServer):
    """Answers every GET with `content`, or the file of `files` that it names, and with the next of `faults`.

    `log` is (path, Range, bytes of the body) of each GET, written before the body is sent.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.content, self.files = CONTENT, dict[str, bytes]()
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str | None, int]] = []
        self.probes, self.ranges, self.says_total, self.chunked = 0, True, True, False
        self.gate = threading.Event()

    def sent(self) -> list[tuple[str | None, int]]:
        return [line[1:] for line in self.log]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Site

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.server.probes += 1
        self._head(200)

    def do_GET(self) -> None:
        site, asked = self.server, self.headers.get("Range")
        content = site.files.get(self.path.strip("/"), site.content)
        fault = site.faults.pop(0) if site.faults else Fault("", len(content))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and site.ranges else 0
        if fault.kind == "error":
            return self._head(fault.after)
        if start and start >= len(content):
            site.log.append((self.path, asked, 0))
            return self._head(416, {"Content-Range": f"bytes */{len(content)}"} if site.says_total else {})
        body = content[start:]
        part = body[: fault.after]
        site.log.append((self.path, asked, len(body if fault.kind == "hold" else part)))
        headers = {"Transfer-Encoding": "chunked"} if site.chunked else {"Content-Length": str(len(body))}
        first = start + 1 if fault.kind == "other range" else start
        headers |= {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"} if start else {}
        headers |= {"Content-Type": "text/html"} if self.path == "/index/" else {}
        self._head(206 if start else 200, headers)
        self._send(part)
        if fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif fault.kind in ("stall", "hold"):
            site.gate.wait(60)
            self._send(body[fault.after :] if fault.kind == "hold" else b"")
        elif site.chunked and fault.kind != "break":
            self.wfile.write(b"0\r\n\r\n")
        return None

    def _head(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.close_connection = True
        self.send_response(status)
        for key, value in ({"Content-Length": "0"} if headers is None else headers).items():
            self.send_header(key, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self.server.chunked and data else data)


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
        code = f"from flowers_jax import fetch; fetch.WAIT_SECONDS = 0.1; print(fetch.{call})"
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_downloads_verifies_and_caches(http_folder):
    address, root = http_folder
    (root / "file").write_bytes(b"petals")
    right = hashlib.sha256(b"petals").hexdigest()
    assert fetch.cached("petals.bin", right) is None
    path = fetch.from_url(f"{address}/file", "petals.bin", right)
    assert path.read_bytes() == b"petals"
    assert fetch.cached("petals.bin", right) == path
    assert fetch.cached("petals.bin", "0" * 64) is None


@pytest.mark.parametrize("content", [b"weeds", b""])
def test_wrong_content_is_discarded(http_folder, content):
    address, root = http_folder
    (root / "file").write_bytes(content)
    with pytest.raises(fetch.FetchError, match="SHA-256"):
        fetch.from_url(f"{address}/file", "weeds.bin", "0" * 64)
    assert [path.name for path in fetch.cache_dir().iterdir()] == [".weeds.bin.lock"]


def test_missing_file_and_dead_site_are_named(http_folder):
    address, _ = http_folder
    with pytest.raises(fetch.FetchError, match="not found"):
        fetch.from_url(f"{address}/none", "none.bin", "0" * 64)
    assert "refused" in fetch.reachable("http://127.0.0.1:9/")
    assert fetch.reachable("ftp no address")


def test_a_silent_site_costs_no_more_than_the_probe():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, never answers
        began = time.monotonic()
        why = fetch.reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.5)
        assert time.monotonic() - began < 1.5
    assert "timed out" in why or "no answer" in why


@pytest.mark.parametrize("chunked", [False, True], ids=["plain", "chunked"])
@pytest.mark.parametrize("at", [1, HALF, WHOLE - 1])
def test_a_broken_connection_goes_on_where_it_was(site, partial, at, chunked):
    site.chunked, site.faults = chunked, [Fault("break", at)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, at), (f"bytes={at}-", WHOLE - at)]
    assert not partial.exists()


def test_a_connection_that_breaks_before_the_first_byte(site):
    site.faults = [Fault("break", 0)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, 0), (None, WHOLE)]


def test_a_reset_connection_goes_on_too(site):
    site.faults = [Fault("reset", HALF)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    (_, (asked, rest)) = site.sent()
    assert (asked, rest) == (f"bytes={WHOLE - rest}-" if rest < WHOLE else None, rest)


def test_breaks_in_a_row_end_the_call_and_the_next_one_goes_on(site, partial):
    site.faults = [Fault("break", 1000)] * (1 + download.RETRIES)
    words = r"http://127.*broke at 4,000 of 1,048,591 bytes; 4,000 bytes lie in .*\.partial, and the next run goes on"
    with pytest.raises(fetch.FetchError, match=words) as caught:
        fetch.from_url(site.url, NAME, DIGEST)
    assert "\n" not in str(caught.value)
    assert [asked for asked, _ in site.sent()] == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]
    assert partial.read_bytes() == CONTENT[:4000] and not (fetch.cache_dir() / NAME).exists()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent()[-1] == ("bytes=4000-", WHOLE - 4000)


def test_an_unreachable_site_says_what_is_kept(partial):
    partial.write_bytes(CONTENT[:HALF])
    with pytest.raises(fetch.FetchError, match=f"refused.*; {HALF:,} bytes lie in"):
        fetch.from_url("http://127.0.0.1:9/", NAME, DIGEST)
    assert partial.read_bytes() == CONTENT[:HALF]


def test_a_stall_is_a_break(site, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.3)
    site.faults = [Fault("stall", HALF)]
    began = time.monotonic()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert 0.3 <= time.monotonic() - began < 10
    assert site.sent() == [(None, HALF), (f"bytes={HALF}-", WHOLE - HALF)]


def test_a_server_that_leaves_the_connection_open_is_not_waited_for(site):
    site.faults = [Fault("stall", WHOLE)]
    began = time.monotonic()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert time.monotonic() - began < 10 and site.sent() == [(None, WHOLE)]


def test_a_server_without_ranges_sends_everything_again(site, partial):
    site.ranges = False
    partial.write_bytes(b"other" * 100)
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [("bytes=500-", WHOLE)]


def test_an_answer_with_another_range_starts_again(site, partial):
    partial.write_bytes(CONTENT[:HALF])
    site.faults = [Fault("other range", WHOLE)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(f"bytes={HALF}-", WHOLE - HALF), (None, WHOLE)]


@pytest.mark.parametrize("size", [HALF, WHOLE])
def test_a_partial_file_of_other_content_is_discarded_and_the_next_try_is_clean(site, partial, size):
    partial.write_bytes(b"x" * size)
    with pytest.raises(fetch.FetchError, match=r"SHA-256 .* discarded"):
        fetch.from_url(site.url, NAME, DIGEST)
    assert not partial.exists() and not (fetch.cache_dir() / NAME).exists()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(f"bytes={size}-", WHOLE - size), (None, WHOLE)]


@pytest.mark.parametrize("says_total", [True, False])
def test_416_to_a_partial_file_that_is_too_long_starts_again(site, partial, says_total):
    site.says_total = says_total
    partial.write_bytes(CONTENT + b"x")
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(f"bytes={WHOLE + 1}-", 0), (None, WHOLE)]


def test_416_because_nothing_is_missing(site):
    site.chunked, site.faults = True, [Fault("break", WHOLE)]  # before the chunk that ends the body
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, WHOLE), (f"bytes={WHOLE}-", 0)]


def test_a_complete_partial_file_needs_no_connection(partial):
    partial.write_bytes(CONTENT)
    assert fetch.from_url("http://127.0.0.1:9/", NAME, DIGEST).read_bytes() == CONTENT
    assert not partial.exists()


def test_only_the_servers_no_is_final(site):
    site.faults = [Fault("error", 503), Fault("break", HALF), Fault("error", 403)]
    with pytest.raises(fetch.FetchError, match=f"Forbidden; {HALF:,} bytes lie in"):
        fetch.from_url(site.url, NAME, DIGEST)
    assert site.faults == [] and site.sent() == [(None, HALF)]


def test_the_bar_counts_what_was_there(site, partial, monkeypatch):
    bars, tqdm = [], download.tqdm
    monkeypatch.setattr(download, "tqdm", lambda **options: bars.append(options) or tqdm(**options))
    partial.write_bytes(CONTENT[:HALF])
    fetch.from_url(site.url, NAME, DIGEST)
    assert [(bar["initial"], bar["total"], bar["desc"]) for bar in bars] == [(HALF, WHOLE, NAME)]


@pytest.mark.parametrize("right", [True, False])
def test_no_name_before_verification_and_sync(site, partial, monkeypatch, right):
    """Whoever looks while it downloads, hashes and syncs sees no file of that name."""
    target, seen = fetch.cache_dir() / NAME, []
    sha256_of, fsync = fetch.sha256_of, os.fsync
    monkeypatch.setattr(fetch, "sha256_of", lambda path: seen.append(("hash", target.exists())) or sha256_of(path))
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(("sync", target.exists())) or fsync(number))
    site.faults = [Fault("hold", HALF)]

    def look() -> None:
        wait_for(lambda: partial.is_file() and partial.stat().st_size > 0)
        seen.append(("download", target.exists()))
        site.gate.set()

    thread = threading.Thread(target=look)
    thread.start()
    with contextlib.nullcontext() if right else pytest.raises(fetch.FetchError, match="SHA-256"):
        fetch.from_url(site.url, NAME, DIGEST if right else "0" * 64)
    thread.join()
    assert target.exists() == right
    assert seen == [("download", False), ("hash", False), ("sync" if right else "hash", False)]


def test_two_processes_at_once_download_once(site, start):
    site.faults = [Fault("hold", HALF)]
    call = f"from_url({site.url!r}, {NAME!r}, {DIGEST!r})"
    first = start(call)
    wait_for(lambda: len(site.log) == 1)
    second = start(call)
    assert second.stderr.readline().startswith(f"waiting for another process that downloads {NAME} (it holds ")
    site.gate.set()
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert outputs == [(f"{fetch.cache_dir() / NAME}\n", "")] * 2
    assert (site.probes, site.sent()) == (1, [(None, WHOLE)])
    assert fetch.cached(NAME, DIGEST)


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


def test_two_processes_at_once_ask_the_package_index_once(site, package_index, start):
    site.faults = [Fault("", 10**6), Fault("hold", 1000)]
    call = f"from_package_index(fetch.WheelMember{tuple(package_index)!r}, {NAME!r}, {DIGEST[:8]!r})"
    first = start(call)
    wait_for(lambda: len(site.log) == 2)
    second = start(call)
    assert second.stderr.readline().startswith(f"waiting for another process that downloads {NAME} ")
    site.gate.set()
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert outputs == [(f"{fetch.cache_dir() / NAME}\n", "")] * 2
    assert [path for path, _, _ in site.log] == ["/index/", "/petals-1.0-py3-none-any.whl"]
    assert (fetch.cache_dir() / NAME).read_bytes() == CONTENT


def test_the_package_index_has_another_content(package_index):
    with pytest.raises(fetch.FetchError, match=r"petals==1\.0 from the package index: SHA-256 .* discarded"):
        fetch.from_package_index(package_index, NAME, "0" * 8)
    assert [path.name for path in fetch.cache_dir().iterdir()] == [f".{NAME}.lock"]


def test_after_a_kill_the_next_call_goes_on(site, partial, start):
    site.faults = [Fault("stall", HALF)]
    process = start(f"from_url({site.url!r}, {NAME!r}, {DIGEST!r})")
    wait_for(lambda: partial.is_file() and partial.stat().st_size > 0)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (fetch.cache_dir() / NAME).exists()
    kept = partial.stat().st_size
    assert 0 < kept <= HALF and partial.read_bytes() == CONTENT[:kept]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, HALF), (f"bytes={kept}-", WHOLE - kept)]


@pytest.mark.parametrize("digits", [8, 12, 63, 64])
def test_the_first_digits_of_the_digest_are_enough(site, digits):
    path = fetch.from_url(site.url, NAME, DIGEST[:digits].upper())
    assert path.read_bytes() == CONTENT and fetch.cached(NAME, DIGEST[:digits]) == path
    wrong = DIGEST[: digits - 1] + ("0" if DIGEST[digits - 1] != "0" else "1")
    assert fetch.cached(NAME, wrong) is None
    with pytest.raises(fetch.FetchError, match=f"SHA-256 {DIGEST[:12]}... instead of {wrong[:12]}..., discarded"):
        fetch.from_url(site.url, NAME, wrong)
    assert fetch.cached(NAME, DIGEST) == path  # the verified one stays


@pytest.mark.parametrize("digest", ["", DIGEST[:7], DIGEST + "0", "daisy" * 3])
def test_what_is_no_digest_is_refused_before_anything_is_asked(site, digest):
    wheel = fetch.WheelMember("none", "none")
    with pytest.raises(ValueError, match="8 to 64 hexadecimal digits"):
        fetch.cached(NAME, digest)
    with pytest.raises(ValueError, match="8 to 64 hexadecimal digits"):
        fetch.from_url(site.url, NAME, digest)
    with pytest.raises(ValueError, match="8 to 64 hexadecimal digits"):
        fetch.from_package_index(wheel, NAME, digest)
    assert (site.probes, site.log) == (0, [])


def test_offline_makes_no_connection(site, package_index, monkeypatch):
    monkeypatch.setenv("FLOWERS_JAX_OFFLINE", "1")
    why = "offline (FLOWERS_JAX_OFFLINE is set)"
    assert fetch.reachable(site.url) == why
    with pytest.raises(fetch.FetchError) as caught:
        fetch.from_url(site.url, NAME, DIGEST)
    assert str(caught.value) == f"{site.url}: {why}"
    with pytest.raises(fetch.FetchError) as caught:
        fetch.from_package_index(package_index, NAME, DIGEST)
    assert str(caught.value) == f"petals==1.0 from the package index: {why}"
    assert (site.probes, site.log) == (0, [])
    assert list(fetch.cache_dir().iterdir()) == []  # and waits for no lock


@pytest.mark.parametrize("value", ["", "0"])
def test_offline_is_off(site, monkeypatch, value):
    monkeypatch.setenv("FLOWERS_JAX_OFFLINE", value)
    assert fetch.reachable(site.url) == ""
    assert fetch.from_url(site.url, NAME, DIGEST).is_file()


@pytest.mark.network
def test_package_index_says_what_it_does_not_have():
    wheel = fetch.WheelMember("flowers-jax-no-such-package==9.9", "x")
    with pytest.raises(fetch.FetchError, match="no-such-package"):
        fetch.from_package_index(wheel, "x", "0" * 64)
