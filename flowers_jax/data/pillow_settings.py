"""Two settings of the whole process that decoding needs, changed only while a thread decodes."""

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

_IGNORE = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_lock = threading.Lock()
_threads = 0
_found: tuple[int | None, list] = (None, [])
"""The limit and the list of filters before the first thread started to decode."""


@contextlib.contextmanager
def for_decoding() -> Iterator[None]:
    """Disable Pillow's pixel limit and its warnings; the last thread restores both.

    Pillow has one limit for the whole process, and only warns up to twice this limit. The limit of `decode` is per call
    and refuses. Pillow's warnings concern damaged metadata, not the pixels, and do not name the file.
    """
    global _threads, _found
    with _lock:
        if not _threads:
            _found = Image.MAX_IMAGE_PIXELS, warnings.filters  # type: ignore[assignment]
            Image.MAX_IMAGE_PIXELS = None
            warnings.filters.insert(0, _IGNORE)  # type: ignore[attr-defined]
        _threads += 1
    try:
        yield
    finally:
        with _lock:
            _threads -= 1
            if not _threads:
                Image.MAX_IMAGE_PIXELS, filters = _found
                # `warnings.catch_warnings` of another thread may have replaced the list by a copy.
                for each in (filters, warnings.filters):
                    each[:] = [one for one in each if one is not _IGNORE]  # type: ignore[index]
