"""Arrays as a data set: the same pixels, and a line for every mistake."""

import numpy as np
import pytest

from flowers_jax.data import sources
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.decode import decode
from flowers_jax.data.lossless import encode
from flowers_jax.errors import UsageError
from flowers_jax.training.loop import fit
from tests.scripts.commands import SMOKE, script

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 9, 7, 3), np.uint8)
LABELS = [0, 1] * 6


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 2), (4, 3), (33, 31), (64, 127)])
def test_what_is_encoded_decodes_to_the_bit(size):
    rgb = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_array_equal(decode(encode(rgb)), rgb)
    np.testing.assert_array_equal(decode(encode(rgb[::-1, ::-1])), rgb[::-1, ::-1])  # of any layout in memory


def test_what_a_data_set_of_arrays_is():
    data = Dataset.from_arrays(IMAGES, LABELS, ["rose", "daisy"], groups=[1, 1, "", None, *"abcdefgh"])
    assert (data.name, data.source, data.origin["data.name"]) == ("arrays", "arrays", "arrays")
    assert data.classes == ("rose", "daisy") and [e.label for e in data.examples[:2]] == [0, 1]
    assert [e.path for e in data.examples] == [f"arrays:{index}" for index in range(12)]
    assert [e.group for e in data.examples[:5]] == ["1", "1", "", "", "a"]
    np.testing.assert_array_equal(decode(data.read("arrays:5")), IMAGES[5])


def test_a_class_keeps_the_number_of_its_label():
    """Ten stands behind nine, where the names `10` and `9` would be sorted the other way."""
    data = Dataset.from_arrays(IMAGES, range(12))
    assert data.classes == tuple(map(str, range(12))) and [e.label for e in data.examples] == list(range(12))
    data = Dataset.from_arrays(IMAGES, ["b", "a"] * 6, classes=["none", "b", "a"])
    assert data.classes == ("b", "a")


def test_a_data_set_is_shown_in_one_line():
    images = np.zeros((4, 8, 8, 3), np.uint8) + np.arange(4, dtype=np.uint8)[:, None, None, None]
    assert repr(Dataset.from_arrays(images, [0, 1, 0, 1])) == "Dataset(arrays: 4 photographs, 2 classes)"


def test_images_of_any_sizes_and_names_as_labels():
    several = [IMAGES[0], IMAGES[1][:3], np.asarray(IMAGES[2][:, 1:])]
    data = Dataset.from_arrays(several, np.array(["b", "a", "b"]), split=["train", "VAL", "test"], max_pixels=9 * 7)
    assert data.classes == ("a", "b") and [e.split for e in data.examples] == ["train", "validation", "test"]
    assert decode(data.read("arrays:1")).shape == (3, 7, 3)
    assert len(Dataset.from_arrays(several, [0, 1, 0], max_pixels=30).skipped) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": IMAGES.astype(np.float32)}, r"images: float32 \[12, 9, 7, 3\]; give uint8 \[N, H, W, 3\], or"),
        ({"images": IMAGES[..., 0]}, r"images: uint8 \[12, 9, 7\]; give"),
        ({"images": IMAGES[..., :2]}, r"images: number 0 is uint8 \[9, 7, 2\]; give"),
        ({"images": [*IMAGES[:11], IMAGES[0][..., 0]]}, r"images: number 11 is uint8 \[9, 7\]; give"),
        ({"images": [*IMAGES[:11], IMAGES[0] / 255]}, r"images: number 11 is float64 \[9, 7, 3\]; give"),
        ({"images": IMAGES[:, :0]}, r"images: number 0 is uint8 \[0, 7, 3\]"),
        ({"images": []}, "images: there are none"),
        ({"images": "photographs"}, r"images: <U11 \[\]; give"),
        ({"labels": LABELS[:11]}, "labels: there are 11, and 12 images; give one for each image"),
        ({"labels": np.eye(12)}, r"labels: float64 \[12, 12\]; give 12 whole numbers or names"),
        ({"labels": [0.5] * 12}, r"labels: float64 \[12\]; give 12 whole numbers or names"),
        ({"labels": [[0], [0, 1]] * 6}, "labels: .*; give whole numbers or names, one for each image"),
        ({"labels": [None] * 12}, "labels: number 0 is None; give whole numbers or names"),
        ({"labels": ["a", ""] * 6}, "labels: number 1 is ''; give whole numbers or names"),
        ({"labels": [0, 2] * 6, "classes": ["a", "b"]}, "labels: 2 has no class; there are 2 classes, from 0"),
        ({"labels": ["a", "c"] * 6, "classes": ["a", "b"]}, "labels: number 1 is c, which is none of classes, a, b"),
        ({"classes": ["a", "a"]}, "classes: a name is given twice"),
        ({"split": ["train"] * 11}, "split: there are 11, and 12 images"),
        ({"split": ["train", None] * 6}, "split: number 1 has no part, and others have one"),
        ({"split": ["train", "dev"] * 6}, "split: number 1 is dev; give one of train, validation, val, valid, test"),
        ({"groups": [1]}, "groups: there are 1, and 12 images"),
        ({"max_pixel": 1}, "max_pixel=1: a data set has no such key; did you mean max_pixels?"),
        ({"image_size": 28}, "image_size=28: a data set has no such key"),
        ({"max_pixels": 0}, "max_pixels=0: must be at least 1"),
        ({"group_similar": "no"}, "group_similar='no': must be "),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(change, words):
    with pytest.raises(UsageError, match=words) as refused:
        Dataset.from_arrays(**{"images": IMAGES, "labels": LABELS} | change)
    assert "\n" not in str(refused.value)


def test_from_the_command_line_there_are_none(smoke, tmp_path, capsys):
    flags = [*SMOKE, f"--workdir={tmp_path}/run", "--config.data.name=arrays"]
    assert script("train", *flags) == 2
    error = capsys.readouterr().err
    assert "name=arrays: only the program that holds the arrays can give them" in error and error.count("\n") == 1
    smoke.data.name = "arrays"
    with pytest.raises(UsageError, match="only the program that holds"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists() and sources.SOURCES["arrays"]
