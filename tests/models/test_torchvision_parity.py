"""Against torchvision's convention, in goldens that PyTorch made: activations, gradients and new statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from flowers_jax import models
from flowers_jax.models.mobilenet_v2 import tensor_names
from flowers_jax.models.mobilenet_v2.tensor_names import FAMILIES
from tests.conftest import ROOT
from tests.goldens.torchvision_case import ALPHA, CLASSES, images, loss_weights, random_tensor, row

TORCHVISION = FAMILIES[0]
GOLDENS = np.load(ROOT / "tests" / "goldens" / "torchvision.npz")


def torch_name(path: str) -> str:
    if "/backbone/" in path:
        return tensor_names._name(TORCHVISION, path)
    return "classifier.1.weight" if path.endswith("kernel") else "classifier.1.bias"


def torch_layout(leaf):
    leaf = np.asarray(leaf)
    return leaf.transpose(3, 2, 0, 1) if leaf.ndim == 4 else leaf.T


def in_torch(tree, part):
    """Every leaf of `params` or `batch_stats` under torchvision's name and in its layout."""
    flat = traverse_util.flatten_dict({part: tree}, sep="/")
    return {torch_name(path): torch_layout(leaf) for path, leaf in flat.items()}


def make_case(size, dtype):
    module = models.create("mobilenet_v2", CLASSES, alpha=ALPHA, convention="torch", dtype=jnp.dtype(dtype))
    shapes = dict(jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, size, size, 3))))
    flat = traverse_util.flatten_dict(shapes, sep="/")
    for path, leaf in flat.items():
        name, shape = torch_name(path), leaf.shape
        shape = (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]
        flat[path] = tensor_names._to_flax(TORCHVISION, name, random_tensor(name, shape)).astype(dtype)
    variables = traverse_util.unflatten_dict(flat, sep="/")
    return module, variables, jnp.asarray(images(size), dtype), loss_weights().astype(dtype)


def agree(found, size, mode):
    names, rows = GOLDENS[f"{size}/{mode}/names"], GOLDENS[f"{size}/{mode}/rows"]
    assert sorted(found) == sorted(names)
    largest = max(rows[[name.startswith("gradient") for name in names], 0])
    for name, expected in zip(names, rows, strict=True):
        # A gradient that is nothing but rounding is set against the largest.
        scale = max(expected[0], 1e-5 * largest) if name.startswith("gradient") else expected[0]
        error = np.abs(row(name, found[name]) - expected).max() / scale
        assert error < 1e-4, f"{name}: {error}"


@pytest.mark.parametrize(
    ("size", "mode"),
    [
        (64, "batch"),  # an even size, where the two conventions pad differently
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((64, "stored"), (65, "stored"), (65, "batch"))),
    ],
)  # fmt: skip
def test_activations_logits_gradients_and_statistics(size, mode):
    dtype = "float32" if mode == "stored" else "float64"  # in float32 batch statistics cost more than 1e-4
    with jax.enable_x64(dtype == "float64"):
        module, variables, inputs, weights = make_case(size, dtype)

        @jax.jit
        def run(variables):
            def loss(params):
                logits, new = module.apply(
                    variables | {"params": params}, inputs, train=mode == "batch",
                    mutable=["batch_stats", "intermediates"],
                    capture_intermediates=lambda module, _: type(module).__name__ in ("ConvNorm", "InvertedResidual"),
                )  # fmt: skip
                return (logits * weights).sum(), (logits, new)

            return jax.grad(loss, has_aux=True)(variables["params"])

        gradients, (logits, new) = run(variables)
    layers = new["intermediates"]["backbone"]
    order = ["stem", *(f"block_{n}" for n in range(17)), "last"]
    found = {f"activation/features.{n}": layers[name]["__call__"][0] for n, name in enumerate(order)}
    found |= {f"gradient/{name}": leaf for name, leaf in in_torch(gradients, "params").items()}
    if mode == "batch":
        found |= {f"statistics/{name}": leaf for name, leaf in in_torch(new["batch_stats"], "batch_stats").items()}
    agree(found, size, mode)
    logits_agree(logits, size, mode)


def test_logits_with_stored_statistics():
    module, variables, inputs, _ = make_case(64, "float32")
    logits_agree(jax.jit(module.apply)(variables, inputs), 64, "stored")


def logits_agree(logits, size, mode):
    golden = GOLDENS[f"{size}/{mode}/logits"]
    np.testing.assert_allclose(logits, golden, atol=1e-4 * np.abs(golden).max())
