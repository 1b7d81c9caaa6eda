"""The names that parameters get in safetensors, and that such a file runs no code."""

import json

import jax
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from flowers_jax.errors import UsageError
from flowers_jax.export import EXPORTERS
from flowers_jax.export.description import tensors_of
from flowers_jax.models import efficientnet_lite, mobilenet_v2
from flowers_jax.models.efficientnet_lite.weights import IMPORTER as LITE
from flowers_jax.models.initial import shapes
from flowers_jax.models.load import load
from flowers_jax.models.mobilenet_v2.weights import IMPORTER as MOBILENET
from flowers_jax.models.weights import tensor_files
from tests.conftest import SHARED

pytestmark = pytest.mark.wings
TORCHVISION = SHARED / "weights" / "mobilenet_v2-b0353104.safetensors"
SAFETENSORS = EXPORTERS["safetensors"]


def drawn(module, size):
    """Variables with numbers that differ from place to place."""
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: rng.uniform(0.1, 1, leaf.shape).astype(np.float32), shapes(module, size))


def test_the_file_has_every_parameter_under_flaxs_names(small, tmp_path):
    SAFETENSORS.write(small, tmp_path / "model.safetensors")
    found = safetensors.numpy.load_file(tmp_path / "model.safetensors")
    wanted = tensors_of(small.model.variables)
    assert found.keys() == wanted.keys() and "params/head/kernel" in found
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor, wanted[name])
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]  # it began with no other's weights


@pytest.mark.parametrize(("known", "convention"), [("torchvision_v2", "torch"), ("timm_100", "torch"), ("", "keras")])
def test_mobilenet_gets_the_names_of_the_library_that_it_came_from(known, convention):
    module = mobilenet_v2.MobileNetV2(1000, convention=convention)
    variables = drawn(module, 32)
    row = next((one for one in MOBILENET.known if one.name == known), None)
    named = MOBILENET.export(variables, {"convention": convention}, row)
    assert named.library == (known.split("_")[0] or "keras")
    back = MOBILENET.fill(named.tensors, jax.tree.map(np.zeros_like, variables), True)  # refuses any other name
    jax.tree.map(np.testing.assert_array_equal, back, variables)


def test_a_head_that_no_library_has_is_not_named():
    variables = drawn(mobilenet_v2.MobileNetV2(3, head="flatten256"), 32)
    assert MOBILENET.export(variables, {"convention": "torch"}, None) is None


def test_efficientnet_gets_the_names_of_the_converted_file():
    variables = drawn(efficientnet_lite.EfficientNetLite(1000), 32)
    named = LITE.export(variables, {}, LITE.known[0])
    assert named.library == "efficientnet_lite" and named.tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    back = LITE.fill(named.tensors, jax.tree.map(np.zeros_like, variables), True)
    jax.tree.map(np.testing.assert_array_equal, back, variables)


@pytest.mark.skipif(not TORCHVISION.is_file(), reason="needs the weights")
def test_an_untrained_import_written_back_is_the_original(tmp_path):
    """Tensor for tensor, of torchvision's file, but for the counters that nothing reads."""
    from flowers_jax.export.safetensors import save

    original = tensor_files.read(TORCHVISION)
    variables = load("mobilenet_v2", str(TORCHVISION), 1000).variables
    named = MOBILENET.export(variables, {"convention": "torch"}, None)
    save(named.tensors, tmp_path / "back.safetensors", {})
    back = safetensors.numpy.load_file(tmp_path / "back.safetensors")
    assert back.keys() == {name for name in original if not name.endswith("num_batches_tracked")}
    for name, tensor in back.items():
        np.testing.assert_array_equal(tensor, original[name])


def test_a_file_that_names_code_runs_none(small, tmp_path):
    path = tmp_path / "model.safetensors"
    SAFETENSORS.write(small, path)
    with safetensors.safe_open(path, "numpy") as file:
        description = json.loads(file.metadata()["description"])
    (tmp_path / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nSPEC = None\n")
    tensors = safetensors.numpy.load_file(path)
    for change, words in (
        ({"model": f"{tmp_path}/code.py:SPEC"}, "is code outside the package"),
        ({"model": "cnn"}, "not cnn"),
        ({"classes": ["a", "b"]}, "which gives"),
        ({"fields": {"dtype": "float32", "no_such": 1}}, "no_such"),
    ):
        metadata = {"description": json.dumps(description | change)}
        safetensors.numpy.save_file(tensors, path, metadata)
        with pytest.raises(UsageError, match=f"not a .safetensors file of export.py.*{words}"):
            SAFETENSORS.read(path)
    assert not (tmp_path / "ran").exists()
