"""Grad-CAM by hand, beside PyTorch, and of every model."""

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from flowers_jax import models
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.grad_cam import grad_cam, overlay
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.models.initial import shapes
from flowers_jax.models.registry import ModelSpec
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.run.directory import RunDirectory
from tests import mobilenets
from tests.goldens import grad_cam_case
from tests.outside import resnet18

GOLDENS = np.load(Path(__file__).parent.parent / "goldens" / "grad_cam.npz")


def trained(module, size, variables=None, classes=3, batch_size=2) -> TrainedModel:
    """The module as a model of a run, for images in 0..1, on one device."""
    variables = variables or drawn(module, size)
    preprocessing = Preprocessing(size, "stretch", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return TrainedModel(
        run=RunDirectory("run"), spec=ModelSpec("given", type(module)), module=module, variables=variables,
        devices=jax.local_devices()[:1], batch_size=batch_size, classes=tuple("abcdefgh"[:classes]),
        preprocessing=preprocessing, max_pixels=10**6, flip=False, precision="float32", temperature=1.0, code={},
    )  # fmt: skip


def drawn(module, size):
    """Variables that no program is compiled for."""
    rng = np.random.default_rng(0)

    def leaf(path, like):
        if path[-1].key != "kernel":
            return np.full(like.shape, path[-1].key in ("scale", "var"), np.float32)
        return rng.normal(0, (2 / np.prod(like.shape[:-1])) ** 0.5, like.shape).astype(np.float32)

    return jax.tree_util.tree_map_with_path(leaf, shapes(module, size))


class ByHand(nn.Module):
    """A 1x1 convolution, the mean over space, a dense layer: the gradient of a logit is the same at every place."""

    @nn.compact
    def __call__(self, x, train=False):
        del train
        x = nn.Conv(2, (1, 1), use_bias=False, name="conv")(x)
        return nn.Dense(3, use_bias=False, name="head")(x.mean((1, 2)))


def noise(count, size):
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), np.uint8)


def test_a_case_by_hand():
    """The gradient is head[channel, class] / places, so the map is relu(activations @ head[:, class]), scaled."""
    images, size, kernel = noise(20, 4), 4, np.array([[1.0, -1], [0, 2], [-1, 0]], np.float32)
    images[1:, ..., 1] = 0  # so that their class is another
    head = np.array([[1.0, -1, -1], [0.5, 2, -1]], np.float32)
    variables = {"params": {"conv": {"kernel": kernel[None, None]}, "head": {"kernel": head}}, "batch_stats": {}}
    model = trained(ByHand(), size, variables)
    activations = images / 255 @ kernel
    for number in range(3):
        expected = np.maximum(activations @ head[:, number], 0)
        expected /= np.maximum(expected.max((1, 2), keepdims=True), 1e-9)  # nothing speaks for some classes
        np.testing.assert_allclose(grad_cam(model, images, [number] * 20), expected, atol=1e-5)
    best = model.predictor(images).argmax(-1)
    assert len(set(best)) > 1
    np.testing.assert_array_equal(grad_cam(model, images), grad_cam(model, images, best))
    assert grad_cam(model, images[:0]).shape[0] == 0


class AsInTorch(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        for layer, channels in enumerate(grad_cam_case.CHANNELS):
            x = nn.Conv(channels, (3, 3), 2, padding=1, use_bias=False, name=f"conv_{layer}")(x)
            x = nn.relu(nn.BatchNorm(not train, epsilon=1e-5, name=f"norm_{layer}")(x))
        x = models.layers.Layer(lambda x: nn.max_pool(x, (2, 2), (2, 2)), name="pool")(x)
        return nn.Dense(grad_cam_case.CLASSES, name="head")(x.mean((1, 2)))


def test_it_is_that_of_pytorch():
    torch, params, stats = grad_cam_case.weights(), {}, {}
    for layer in range(len(grad_cam_case.CHANNELS)):
        params[f"conv_{layer}"] = {"kernel": torch[f"conv_{layer}.weight"].transpose(2, 3, 1, 0)}
        norm = f"norm_{layer}"
        params[norm] = {"scale": torch[f"{norm}.weight"], "bias": torch[f"{norm}.bias"]}
        stats[norm] = {"mean": torch[f"{norm}.running_mean"], "var": torch[f"{norm}.running_var"]}
    params["head"] = {"kernel": torch["head.weight"].T, "bias": torch["head.bias"]}
    model = trained(AsInTorch(), grad_cam_case.SIZE, {"params": params, "batch_stats": stats}, grad_cam_case.CLASSES)
    images = grad_cam_case.images()
    np.testing.assert_allclose(model.predictor(images), GOLDENS["logits"], rtol=1e-4, atol=1e-4)
    heat = grad_cam(model, images, grad_cam_case.classes())
    assert GOLDENS["heat"].std() > 0.1
    np.testing.assert_allclose(heat, GOLDENS["heat"], atol=1e-4)


HEAVY = {"efficientnet_lite": pytest.mark.wings}
"""Compiled for long; the others stand for them in `make test`."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=HEAVY.get(name, ())) for name in sorted(models.MODELS)])
def test_every_registered_model_has_maps(name):
    size = max(64, models.find(name).smallest_size)
    with mobilenets.of_blocks(mobilenets.FEW):
        has_a_map(models.create(name, 3, dtype=jnp.bfloat16), size)


def test_a_model_from_outside_has_maps():
    has_a_map(resnet18.ResNet18(3, width=8), 64)


def has_a_map(module, size):
    """Of random weights, so of one class or another."""
    model = trained(module, size)
    heat = np.concatenate([grad_cam(model, noise(2, size), [number] * 2) for number in range(3)])
    assert heat.dtype == np.float32 and heat.ndim == 3 and min(heat.shape[1:]) > 1
    assert np.isfinite(heat).all() and heat.min() >= 0 and heat.max() == 1


class Flat(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        del train
        return nn.Dense(3)(x.reshape(len(x), -1))


def test_a_model_without_a_place_for_it():
    with pytest.raises(UsageError, match=r"^model 'given': no submodule gives activations \[B, h, w, C\] above 1x1"):
        grad_cam(trained(Flat(), 4), noise(1, 4))


def test_a_class_that_is_none():
    with pytest.raises(UsageError, match=r"^classes=\[3\]: must be numbers from 0 to 2$"):
        grad_cam(trained(ByHand(), 4), noise(1, 4), [3])


def test_an_overlay_is_the_photograph_where_the_map_is_cold():
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0] = 1
    photograph = np.full((40, 60, 3), 100, np.uint8)
    made = overlay(photograph, heat)
    assert made.size == (60, 40) and made.mode == "RGB"
    assert np.array_equal(np.asarray(made)[-1, -1], [100, 100, 100])
    assert np.asarray(made)[0, 0, 0] > 150
    np.testing.assert_array_equal(np.asarray(overlay(Image.fromarray(photograph), heat)), np.asarray(made))
