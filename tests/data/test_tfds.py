"""Sets of TensorFlow Datasets: their parts and features, and a line for what cannot be used."""

import time

import pytest

from flowers_jax.config_types import Config, Data
from flowers_jax.data import sources
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.decode import decode
from flowers_jax.data.lazy_tensorflow import tensorflow_datasets
from flowers_jax.data.sources import procedural
from flowers_jax.data.sources.tfds import _parts
from flowers_jax.errors import UsageError
from tests.data import tfds_sets
from tests.scripts.commands import SMOKE, script

CLASSES = ("three_petals", "five_petals", "eight_petals")


def flowers(first: int, count: int):
    return [(procedural.draw(CLASSES[i % 3], first + i), i % 3) for i in range(count)]


@pytest.fixture
def prepare(monkeypatch, tmp_path):
    """Prepare a config of the set from these splits, in a folder of its own."""
    tfds = tensorflow_datasets()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path / "tfds"))

    def prepared(config: str = "plain", **splits):
        monkeypatch.setattr(tfds_sets, "CONTENT", splits)
        tfds_sets.drawn_flowers()(config=config).download_and_prepare()
        return f"drawn_flowers/{config}"

    return prepared


def test_a_set_keeps_its_own_test_part(prepare):
    name = prepare(train=flowers(0, 12), test=flowers(100, 6), extra=flowers(200, 3))
    data = Dataset.from_tfds(f"{name}:1.2.0")
    assert {(e.path.split(":")[1], e.split) for e in data.examples} == {("train", "train"), ("test", "test")}
    assert len(data.examples) == 18 and data.classes == tuple(sorted(CLASSES))
    assert (data.name, data.source) == (f"tfds:{name}:1.2.0", "tfds drawn_flowers/plain:1.2.0")
    assert data.origin["data.name"] == data.name and "prepared in" in data.reason
    contents = {content: CLASSES[label] for content, label in flowers(0, 12) + flowers(100, 6)}
    assert all(contents[data.read(e.path)] == data.classes[e.label] for e in data.examples)
    assert Dataset.from_tfds(name).examples == data.examples  # the order is always the same


def test_pixels_are_encoded_without_loss(prepare):
    data = Dataset.from_tfds(prepare("tensor", train=flowers(0, 3)))
    pixels = {decode(content).tobytes() for content, _ in flowers(0, 3)}
    assert {decode(data.read(e.path)).tobytes() for e in data.examples} == pixels


@pytest.mark.parametrize(
    ("splits", "parts"),
    [
        (["train"], {"train": ""}),
        (["train", "test"], {"train": "train", "test": "test"}),
        (["test", "train", "validation"], {"train": "train", "test": "test", "validation": "validation"}),
        (["train", "unlabelled"], {"train": ""}),
        (["test"], {"test": ""}),
        (["one", "two"], {"one": "", "two": ""}),
    ],
)
def test_which_splits_are_parts(splits, parts):
    assert _parts(splits) == parts


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cifar1", "TensorFlow Datasets has no such set; did you mean tfds:cifar10?"),
        ("", "Parsing builder name string"),
        ("cifar10:9.9.9", "cannot be loaded at version 9.9.9"),
        ("mnist/no_config", "no_config"),
        ("imdb_reviews", "is no set for image classification: it must have one image for each example, and has none"),
        ("drawn_flowers/two", "it must have one class label for each example, and has several of them: label, colour"),
        ("drawn_flowers/none", "it must have one image for each example, and has none"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be_used_is_one_line(tmp_path, capsys, name, words):
    tfds_sets.drawn_flowers()
    flags = [*SMOKE, f"--workdir={tmp_path}/run", f"--config.data.name=tfds:{name}"]
    assert script("train", *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --config.data.name=tfds:{name}: ") and words in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_site_that_cannot_be_reached_is_told_at_once(monkeypatch):
    monkeypatch.setenv("FLOWERS_JAX_OFFLINE", "1")
    began = time.monotonic()
    with pytest.raises(UsageError, match=r"name=tfds:cifar10: is not available: https://.*: offline \(FLOWERS_JAX_OFF"):
        sources.load(Config(data=Data(name="tfds:cifar10")))
    assert time.monotonic() - began < 15
