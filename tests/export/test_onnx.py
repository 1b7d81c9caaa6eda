"""Whole models as ONNX: what they compute, what is in the file, and what the file says."""

import json
from collections import Counter
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import models
from flowers_jax.errors import UsageError
from flowers_jax.export.onnx import read, write
from flowers_jax.models.efficientnet_lite import network as efficientnet_lite
from tests import mobilenets
from tests.export.onnx_runtime import agree, onnx, run, written
from tests.outside.resnet18 import ResNet18

pytestmark = pytest.mark.wings

MODELS = {
    "seed_cnn": partial(models.create, "seed_cnn", 5),
    "cnn": partial(models.create, "cnn", 5),
    "mobilenet_v2": partial(models.create, "mobilenet_v2", 5),
    "efficientnet_lite": partial(models.create, "efficientnet_lite", 5),
    "resnet18": partial(ResNet18, 5, width=16),
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    """(name, function of pixels with the mirrored view, photographs, tensors)."""
    size = 28 if request.param == "seed_cnn" else 64
    with mobilenets.of_blocks(mobilenets.FEW), pytest.MonkeyPatch.context() as patch:
        layout = list(efficientnet_lite.blocks(0))
        few = [block for block in layout if block.stride > 1 or block.stage in (1, 3, 7)]
        patch.setattr(efficientnet_lite, "blocks", lambda version: few)  # noqa: ARG005
        module = MODELS[request.param]()
        module = module.clone(convolution="xla") if hasattr(module, "convolution") else module
        pixels = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
        shapes = jax.eval_shape(partial(module.init, train=False), jax.random.key(0), pixels)
        variables = jax.tree_util.tree_map_with_path(drawn, shapes)

        def logits(images):
            views = (images, jnp.flip(images, 2))
            return sum(module.apply(variables, view / 127.5 - 1, train=False) for view in views) / 2

        images = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), np.uint8)
        yield request.param, logits, images, jax.tree.leaves(variables)


def drawn(path: tuple, tensor: jax.ShapeDtypeStruct) -> jax.Array:
    """Kernels that keep the size of activations; factors and shifts that differ between channels."""
    rng = np.random.default_rng(len(jax.tree_util.keystr(path)))
    if len(tensor.shape) > 1:
        numbers = rng.normal(0, np.sqrt(2 / np.prod(tensor.shape[:-1])), tensor.shape)
    else:
        low, high = (0.7, 1.3) if path[-1].key in ("scale", "var") else (-0.3, 0.3)
        numbers = rng.uniform(low, high, tensor.shape)
    return jnp.asarray(numbers, jnp.float32)


def test_a_model_agrees_whatever_the_batch(model):
    name, logits, images, tensors = model
    graph = agree(logits, images)
    assert np.ptp(run(graph, images), 1).min() > 0.1
    np.testing.assert_allclose(run(graph, images[:1]), run(graph, images)[:1], rtol=1e-5, atol=1e-5)
    kinds = Counter(node.op_type for node in graph.graph.node)
    # The images are transposed once. The course's CNN flattens [H, W, C] too, in each of the two views.
    assert kinds["Transpose"] == (3 if name == "seed_cnn" else 1)
    # Of BatchNorm nothing is left; normalization has the one Mul or Div and Sub.
    assert kinds.keys().isdisjoint({"Sqrt", "Reciprocal", "Pow", "BatchNormalization"})
    assert kinds["Mul"] + kinds["Sub"] <= 2
    # Both views read the same kernels.
    assert graph.ByteSize() < 4 * sum(tensor.size for tensor in tensors) + 200_000


def test_the_file_says_what_it_is(small, tmp_path):
    path = tmp_path / "model.onnx"
    write(small, path)
    file = onnx.load(path)
    onnx.checker.check_model(file, full_check=True)
    assert [(one.domain, one.version) for one in file.opset_import] == [("", 18)]
    (images,), (probabilities,) = file.graph.input, file.graph.output
    sizes = [
        [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in (images, probabilities)
    ]
    assert (images.name, probabilities.name, *sizes) == ("images", "probabilities", ["batch", 28, 28, 3], ["batch", 3])
    properties = {one.key: json.loads(one.value) for one in file.metadata_props}
    assert properties["classes"] == list(small.model.classes)
    assert properties["preprocessing"]["size"] == 28
    assert {"licence", "weights_sha256", "parameters_sha256"} <= properties.keys()
    assert read(path).description == properties


def test_another_onnx_file_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(written(lambda x: x * 2, np.zeros((2, 4), np.float32)).SerializeToString())
    with pytest.raises(UsageError, match=r"model\.onnx: not an ONNX file of export\.py \(it has no property"):
        read(path)
