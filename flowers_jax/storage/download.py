"""Downloads one file over HTTP, and resumes after a broken connection."""

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path

from flowers_jax.runtime.progress import Bar

STALL_SECONDS = 30.0
"""A connection without a byte for this time is broken."""
RETRIES = 3
PAUSE_SECONDS = 1.0
"""The pause before each retry."""
_CHUNK = 1 << 20


def resume(url: str, partial: Path, name: str) -> None:
    """Append the missing part of `url` to `partial`; the caller verifies the content.

    Args:
        name: the name in the progress bar.

    Raises:
        OSError, http.client.HTTPException: the server refuses, or the connection still breaks after `RETRIES`
            retries. `partial` keeps the bytes that have arrived.
    """
    for tries_left in reversed(range(RETRIES + 1)):
        try:
            _transfer(url, partial, name)
            return
        except (OSError, http.client.HTTPException) as error:
            # A refusal is final, unless it concerns the range or the server is overloaded.
            refused = isinstance(error, urllib.error.HTTPError) and error.code != 416 and error.code < 500
            if refused or not tries_left:
                raise
        time.sleep(PAUSE_SECONDS)


def _transfer(url: str, partial: Path, name: str) -> None:
    """One connection."""
    offset = partial.stat().st_size if partial.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={offset}-"} if offset else {})
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=STALL_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            if error.headers.get("Content-Range") == f"bytes */{offset}":
                return  # the file is complete
            partial.unlink(missing_ok=True)  # longer than the file, so not a part of it
        raise
    with response:
        if response.status != 206:
            offset = 0  # the server does not support ranges and sends the whole file
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            partial.unlink(missing_ok=True)
            raise http.client.HTTPException("the server sent another range than it was asked for")
        _copy(response, partial, offset, name)


def _copy(response: http.client.HTTPResponse, partial: Path, received: int, name: str) -> None:
    """Append to the first `received` bytes."""
    total = None if response.length is None else received + response.length
    with (
        partial.open("ab" if received else "wb") as file,
        Bar(name, total, unit="B", done=received) as bar,
    ):
        # read1 returns what has arrived; read loses it if the connection breaks before the chunk is full.
        while received != total and (chunk := response.read1(_CHUNK)):
            file.write(chunk)
            received += len(chunk)
            bar.advance(len(chunk))
    if total is not None and received < total:  # http.client raises no error here
        raise http.client.HTTPException(f"the connection broke at {received:,} of {total:,} bytes")
