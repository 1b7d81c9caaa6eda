"""What decoding needs of Pillow is given back: the process belongs to the caller."""

import io
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageFile

from flowers_jax.data.decode import DecodeError, decode, format_of
from tests.conftest import ROOT, png

LIMIT = 100
pytestmark = pytest.mark.usefixtures("callers")


@pytest.fixture
def callers(monkeypatch):
    """The caller's own settings: a photograph of 40x32 is far beyond them, and a warning is an error."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", LIMIT)
    filters = warnings.filters
    before = list(filters)
    yield
    assert Image.MAX_IMAGE_PIXELS == LIMIT
    assert warnings.filters is filters and warnings.filters == before


@pytest.fixture
def photograph(draw):
    return png(draw(1), "JPEG")


def test_an_import_changes_nothing():
    program = """
import warnings
from PIL import Image
before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
import flowers_jax.data.decode
new = [one for one in warnings.filters if one not in before[1] and "PIL" in str(one)]
print(Image.MAX_IMAGE_PIXELS == before[0], new)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"


def test_decoding_gives_both_back(photograph):
    assert decode(photograph).shape == (32, 40, 3)
    assert format_of(photograph) == "JPEG"


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff\xe0 no"])
def test_so_does_decoding_that_fails(data):
    for function in (decode, format_of):
        with pytest.raises(DecodeError):
            function(data)


def test_so_do_many_threads_at_once(photograph, monkeypatch):
    """The first to leave must not take from the others what they still need."""
    together, load = threading.Barrier(8), ImageFile.ImageFile.load
    first = threading.local()

    def meet(image):
        if not hasattr(first, "met"):
            first.met = together.wait(10)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", meet)
    with ThreadPoolExecutor(8) as pool:
        shapes = list(pool.map(lambda data: decode(data).shape, [photograph] * 64))
    assert shapes == [(32, 40, 3)] * 64


def test_a_callers_own_scope_meanwhile_keeps_no_filter(photograph, monkeypatch):
    """A thread decodes while another enters and leaves `catch_warnings`, in either order."""
    scope = warnings.catch_warnings()
    load = Image.open

    def enter(*args, **options):
        scope.__enter__()
        return load(*args, **options)

    monkeypatch.setattr(Image, "open", enter)
    decode(photograph)
    inside = list(warnings.filters)
    scope.__exit__(None, None, None)
    assert not any("PIL" in str(one) for one in inside)


def test_damaged_metadata_is_no_warning(draw):
    """EXIF whose directory ends early, of which Pillow warns everyone else."""
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\x00\x00"
    data = png(draw(1, (10, 8)), "JPEG", exif=exif)
    with pytest.warns(UserWarning), Image.open(io.BytesIO(data)) as image:
        image.getexif()
    assert decode(data).shape == (8, 10, 3)
