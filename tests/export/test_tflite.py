"""What a TFLite file says for MediaPipe, and what its integers are made of. That it agrees is in `test_formats.py`."""
# ruff: noqa: E402

import json
import os
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

for package in ("ai_edge_litert", "flatbuffers"):
    if not os.environ.get("CI"):
        pytest.importorskip(package, reason="not installed: pip install 'flowers-jax[export]'")

from flowers_jax.data.decode import decode_for
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.own import own_photographs
from flowers_jax.export import EXPORTERS
from flowers_jax.export.check import agreement, expected
from flowers_jax.export.description import describe
from flowers_jax.export.photographs import for_check
from flowers_jax.export.tflite import converter, flatbuffer, float16, metadata, quantization, runtime
from tests.export.metadata_schema import parse

pytestmark = pytest.mark.wings
FORMATS = ("tflite", "tflite-f16", "tflite-int8")
KERNELS = (32, 3, 3, 3), (3, 1568)
"""The shapes of those of the convolution and of the head."""


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tflite")
    for name in FORMATS:
        EXPORTERS[name].write(small, folder / f"model{EXPORTERS[name].suffix}")
    return folder


def metadata_of(path):
    model = flatbuffer.unpack(path.read_bytes())
    (index,) = [one.buffer for one in model.metadata if one.name == b"TFLITE_METADATA"]
    return parse(bytes(model.buffers[index].data))


@pytest.mark.parametrize("name", FORMATS)
def test_mediapipe_finds_what_it_demands(small, folder, name):
    path = folder / f"model{EXPORTERS[name].suffix}"
    said = metadata_of(path)
    assert said["name"] == "seed_cnn" and said["min_parser_version"] == "1.0.0"
    assert said["license"].startswith("No pretrained weights")
    (subgraph,) = said["subgraph_metadata"]
    (image,), (probability,) = subgraph["input_tensor_metadata"], subgraph["output_tensor_metadata"]
    assert image["content"]["content_properties"] == {"table": "ImageProperties", "color_space": 1}
    (unit,) = image["process_units"]
    assert unit["options"] == {"table": "NormalizationOptions", "mean": [0.0], "std": [1.0]}
    assert (image["stats"]["min"], image["stats"]["max"]) == ([0.0], [255.0])
    assert (probability["stats"]["min"], probability["stats"]["max"]) == ([0.0], [1.0])
    (labels,) = probability["associated_files"]
    assert (labels["name"], labels["type"]) == ("labels.txt", 2)
    with zipfile.ZipFile(path) as files:
        assert [info.compress_type for info in files.infolist()] == [zipfile.ZIP_STORED] * 2
        assert files.read("labels.txt").decode().splitlines() == list(small.model.classes)
        assert json.loads(files.read("description.json"))["input"] == "uint8 [1, 28, 28, 3], RGB of 0 to 255"


def test_labels_have_a_line_for_each_class_whatever_its_name(small, tmp_path):
    names = ("two\nlines", "тюльпан", "comma, and \u2028 another end of line")
    converted = converter.convert(small.model, np.uint8)
    (tmp_path / "file").write_bytes(whole := metadata.add(converted, describe(replace(small.model, classes=names))))
    with zipfile.ZipFile(tmp_path / "file") as files:
        labels = files.read("labels.txt").decode().splitlines()
    assert labels == ["two lines", "тюльпан", "comma, and   another end of line"]
    assert tuple(metadata.description(whole)["classes"]) == names


def test_nothing_is_printed(small, tmp_path, capfd):
    """TensorFlow and LiteRT print notices of their own."""
    for name in FORMATS:
        path = tmp_path / f"model{EXPORTERS[name].suffix}"
        EXPORTERS[name].write(small, path)
        EXPORTERS[name].read(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "dtype"), [("tflite", np.float32), ("tflite-int8", np.int8)])
def test_the_types_are_those_of_the_format(folder, name, dtype):
    """Pixels in, probabilities out; the weights between are of the format's type."""
    interpreter = runtime.load((folder / f"model{EXPORTERS[name].suffix}").read_bytes())
    (image,), (probabilities,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert image["dtype"] == np.uint8 and list(image["shape"]) == [1, 28, 28, 3]
    assert probabilities["dtype"] == np.float32 and list(probabilities["shape"]) == [1, 3]
    details = interpreter.get_tensor_details()
    assert {one["dtype"] for one in details if tuple(one["shape"]) in KERNELS} == {dtype}
    operators = [one["op_name"] for one in interpreter._get_ops_details()]
    assert operators.count("CONV_2D") == 2 and operators.count("DEQUANTIZE") == (name == "tflite-int8")


def test_large_weights_are_float16_and_small_ones_float32(small, monkeypatch):
    """Of the two kernels of the model, the head's is the larger one."""
    floats = converter.convert(small.model, np.uint8)
    monkeypatch.setattr(float16, "LEAST", 1000)
    smaller = float16.halve(floats)
    assert 2 * 4704 - 2000 < len(floats) - len(smaller) <= 2 * 4704
    details = runtime.load(smaller).get_tensor_details()
    types = {shape: {one["dtype"] for one in details if tuple(one["shape"]) == shape} for shape in KERNELS}
    assert types == dict(zip(KERNELS, ({np.float32}, {np.float16, np.float32}), strict=True))


@pytest.mark.parametrize(("name", "tolerance"), [("tflite", 1e-4), ("tflite-f16", 1e-2), ("tflite-int8", 0.05)])
def test_a_trained_model_keeps_its_probabilities(small, folder, name, tolerance):
    images, _ = for_check(small, 200)
    artifact = EXPORTERS[name].read(folder / f"model{EXPORTERS[name].suffix}")
    found = agreement(artifact.predict, images, expected(small.model, images))
    assert found.largest_difference <= tolerance and found.top1_agreement == 1


def test_integers_are_calibrated_on_training_photographs_alone(small, tmp_path, monkeypatch):
    """Not on those of `--data`, of validation or of the test."""
    seen = []

    def quantize(floats, photographs):
        seen.append(photographs)
        return floats

    monkeypatch.setattr(quantization, "quantize", quantize)
    EXPORTERS["tflite-int8"].write(small._replace(data=str(tmp_path)), tmp_path / "model-int8.tflite")
    dataset, model = own_photographs(small.model), small.model
    training = [one for one in dataset.examples if one.split == "train"]
    pixels = [decode_for(dataset.read(one.path), model.preprocessing, model.max_pixels) for one in training]
    np.testing.assert_array_equal(seen[0], np.stack(pixels))


def test_ranges_of_maps_are_means_and_those_of_vectors_whole(small):
    """The map after the convolution and the vector of probabilities are computed here by JAX."""
    floats = converter.convert(small.model, np.float32)
    photographs = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 3), np.uint8)
    photographs[1] = 99
    found = quantization.ranges(floats, photographs)
    graph = flatbuffer.unpack(floats).subgraphs[0]
    assert found[graph.inputs[0]] == (0, 255)
    assert found[graph.outputs[0]] == pytest.approx((0, expected(small.model, photographs).max()), abs=1e-5)
    model = small.model
    pixels = model.preprocessing.normalize(photographs)
    _, state = model.module.apply(model.variables, pixels, capture_intermediates=True, mutable="intermediates")
    maps = np.maximum(state["intermediates"]["conv"]["__call__"][0], 0).reshape(4, -1)  # after ReLU
    assert np.ptp(maps.max(-1)) > 0.1
    assert any(one == pytest.approx((0, maps.max(-1).mean()), abs=1e-5) for one in found.values())


def test_without_training_photographs_there_are_no_integers(small, tmp_path):
    data = small.model.run.read_config().data.dir
    shutil.move(data, f"{data} away")
    try:
        with pytest.raises(UsageError, match="--format=tflite-int8: 8-bit integers need the photographs") as caught:
            EXPORTERS["tflite-int8"].write(small, tmp_path / "model-int8.tflite")
    finally:
        shutil.move(f"{data} away", data)
    assert str(caught.value).count("\n") == 0 and not list(tmp_path.iterdir())
