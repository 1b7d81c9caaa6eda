"""Two settings of the whole process that decoding needs, lent for as long as any thread decodes."""

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
"""The limit and the list of filters as they were before the first thread came."""


@contextlib.contextmanager
def for_decoding() -> Iterator[None]:
    """Pillow without a limit of pixels and without warnings; the last thread to leave gives both back.

    Its limit is one number for the whole process, and up to twice that number it only warns; ours is for each call and
    refuses. Its warnings are of damaged metadata, which says nothing about the pixels, and name no file.
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
                # `warnings.catch_warnings` of another thread may have put a copy in its place.
                for each in (filters, warnings.filters):
                    each[:] = [one for one in each if one is not _IGNORE]  # type: ignore[index]
