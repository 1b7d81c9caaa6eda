"""Against Keras, live: activations, logits and gradients, with random weights and BatchNorm statistics."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from flowers_jax import models
from flowers_jax.models.mobilenet_v2 import tensor_names
from flowers_jax.models.mobilenet_v2.layout import blocks
from flowers_jax.models.mobilenet_v2.tensor_names import KERAS, import_variables

CLASSES = 7
WIDTHS, SIZES = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4), (96, 128, 160, 192, 224, 97, 225)
BOTH_PADDINGS = (0.35, 98)
"""Halved to 49, 25, 13, 7 and 4: of an even size Keras pads one side alone, of an odd one both."""
REST = [(alpha, size) for alpha in WIDTHS for size in SIZES]
GRID = [BOTH_PADDINGS, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in REST)]


@contextmanager
def precision(dtype: str) -> Iterator[Any]:
    """Keras, computing in that type, and JAX too."""
    keras = pytest.importorskip("keras")
    with jax.enable_x64(dtype == "float64"):
        before = keras.config.floatx()
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)
        yield keras
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(before)
        keras.backend.clear_session()


def random_tensor(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Non-trivial statistics, and weights that keep activations at their size.

    What goes into ReLU6 is far from its bends: around 3, where it passes, or around -3 or 9, where it does not. Near
    a bend rounding decides on which side a value lies, and one such value is worth 14 % of some gradient, in Keras too.
    """
    project = "project" in name
    if name.endswith("gamma"):
        return rng.uniform(0.5, 1.5, shape) * (1 if project else 0.3 if "depthwise" in name else 0.12)
    if name.endswith("moving_variance"):
        return rng.uniform(0.5, 1.5, shape)
    if name.endswith("beta") and not project:
        return rng.choice([-3, 3, 9], shape, p=[0.1, 0.8, 0.1])
    if name.endswith(("beta", "bias", "moving_mean")):
        return rng.normal(0, 0.2, shape)
    inputs = np.prod(shape[:2]) if "depthwise" in name else np.prod(shape[:-1])
    centred = rng.normal(0, 2 if project else 1, shape)
    axes = (0, 1) if "depthwise" in name else tuple(range(len(shape) - 1))
    return (centred - centred.mean(axes, keepdims=True)) / np.sqrt(inputs)  # or activations of around 3 would add up


def both(keras: Any, alpha: float, size: int, dtype: str) -> tuple[Any, Any, Any, jax.Array]:
    """(Keras's model, ours, our variables, images)."""
    network: Any = keras.applications.MobileNetV2(
        input_shape=(size, size, 3), alpha=alpha, weights=None, classes=CLASSES, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    tensors = {v.path: random_tensor(v.path, tuple(v.shape), rng).astype(dtype) for v in network.weights}
    for variable in network.weights:
        variable.assign(tensors[variable.path])
    module = models.create("mobilenet_v2", CLASSES, alpha=alpha, convention="keras", dtype=jnp.dtype(dtype))
    shapes = dict(jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, size, size, 3))))
    template = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    variables = import_variables(tensors, template, head=True)
    assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == network.count_params()
    if dtype == "float64":  # the import makes float32 of them
        exact = {**tensors}
        flat = traverse_util.flatten_dict(variables, sep="/")
        for path in flat:
            name = our_name(path)
            flat[path] = tensor_names._to_flax(KERAS, name, exact[name])
        variables = traverse_util.unflatten_dict(flat, sep="/")
    return network, module, variables, jnp.asarray(rng.normal(size=(3, size, size, 3)), dtype)


def our_name(path: str) -> str:
    if "/backbone/" in path:
        return tensor_names._name(KERAS, path)
    return f"predictions/{path.rsplit('/', 1)[-1]}"


def agree(ours: Any, keras: Any, what: str) -> None:
    ours, keras = np.asarray(ours), np.asarray(keras)
    assert ours.shape == keras.shape, what
    error = np.abs(ours - keras).max() / max(np.abs(keras).max(), 1e-30)
    assert error < 1e-4, f"{what}: {error}"


def worst_gradient(ours: Any, network: Any, found: list[Any]) -> float:
    """The largest relative error of a parameter's gradient; those of almost nothing are set against the largest."""
    worst = 0.0
    keras = {v.path: np.asarray(g) for v, g in zip(network.trainable_variables, found, strict=True)}
    flat = traverse_util.flatten_dict({"params": ours}, sep="/")
    assert len(flat) == len(keras)
    for path, gradient in flat.items():
        name = our_name(path)
        expected = tensor_names._to_flax(KERAS, name, keras[name])
        scale = max(np.abs(expected).max(), 1e-5 * max(np.abs(g).max() for g in keras.values()))
        worst = max(worst, float(np.abs(np.asarray(gradient) - expected).max() / scale))
    return worst


@pytest.mark.parametrize(("alpha", "size"), GRID)
def test_activations_logits_and_gradients_with_stored_statistics(alpha, size):
    import tensorflow as tf

    with precision("float32") as keras:
        network, module, variables, images = both(keras, alpha, size, "float32")
        names = ["Conv1_relu", *(f"{block.name}_project_BN" for block in blocks(alpha, True)), "out_relu"]
        names[1] = "expanded_conv_project_BN"
        layers = {name: network.get_layer(name).output for name in names}
        weights = np.random.default_rng(1).normal(size=(3, CLASSES)).astype(np.float32)
        probe = keras.Model(network.input, {**layers, "logits": network.output})
        seen = probe(np.asarray(images), training=False)

        @jax.jit
        @partial(jax.grad, has_aux=True)
        def ours(params, images):
            logits, captured = module.apply(
                variables | {"params": params}, images,
                capture_intermediates=lambda module, _: type(module).__name__ == "ConvNorm",
            )  # fmt: skip
            return (logits * weights).sum(), (logits, captured)

        gradient, (logits, captured) = ours(variables["params"], images)
        inside = captured["intermediates"]["backbone"]
        agree(inside["stem"]["__call__"][0], seen["Conv1_relu"], "stem")
        for block in blocks(alpha, True):
            name = "expanded_conv" if block.name == "block_0" else block.name
            agree(inside[block.name]["project"]["__call__"][0], seen[f"{name}_project_BN"], block.name)
        agree(inside["last"]["__call__"][0], seen["out_relu"], "last")
        agree(logits, seen["logits"], "logits")

        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(np.asarray(images), training=False) * weights)
        found = tape.gradient(loss, [v.value for v in network.trainable_variables])
        assert worst_gradient(gradient, network, found) < 1e-4
        last = np.asarray(seen["out_relu"])
        assert 0.05 < (last == 0).mean() < 0.2 and 0.05 < (last == 6).mean() < 0.2


@pytest.mark.parametrize(("alpha", "size"), GRID)
def test_logits_gradients_and_new_statistics_with_those_of_the_batch(alpha, size):
    """In float64, for in float32 even Keras leaves Keras by more."""
    import tensorflow as tf

    with precision("float64") as keras:
        network, module, variables, images = both(keras, alpha, size, "float64")
        weights = np.random.default_rng(1).normal(size=(3, CLASSES))
        with tf.GradientTape() as tape:
            logits = network(np.asarray(images), training=True)
            loss = tf.reduce_sum(logits * weights)
        found = tape.gradient(loss, [v.value for v in network.trainable_variables])

        @jax.jit
        @partial(jax.grad, has_aux=True)
        def gradient(params):
            ours, new = module.apply(variables | {"params": params}, images, train=True, mutable=["batch_stats"])
            return (ours * weights).sum(), (ours, new["batch_stats"])

        ours, (our_logits, statistics) = gradient(variables["params"])
        assert our_logits.dtype == np.float64
        agree(our_logits, logits, "logits")
        assert worst_gradient(ours, network, found) < 1e-4
        now = {v.path: np.asarray(v.value) for v in network.non_trainable_variables}
        for path, value in traverse_util.flatten_dict({"batch_stats": statistics}, sep="/").items():
            agree(value, now[our_name(path)], path)


@pytest.mark.parametrize("alpha", [1.3, 1.4])
def test_names_and_shapes_of_wide_ones(alpha):
    with precision("float32") as keras:
        network: Any = keras.applications.MobileNetV2((96, 96, 3), alpha, weights=None, classes=CLASSES)
        tensors = {v.path: np.ones(tuple(v.shape), np.float32) for v in network.weights}
    module = models.create("mobilenet_v2", CLASSES, alpha=alpha, convention="keras")
    shapes = dict(jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 96, 96, 3))))
    imported = import_variables(tensors, jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes), head=True)
    assert all((leaf == 1).all() for leaf in jax.tree.leaves(imported))


def test_parameter_counts():
    with precision("float32") as keras:
        with_top = keras.applications.MobileNetV2(weights=None)
        without = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(224, 224, 3))
        assert (with_top.count_params(), without.count_params()) == (3_538_984, 2_257_984)
        assert sum(int(np.prod(v.shape)) for v in without.non_trainable_variables) == 34_112
    shapes = jax.eval_shape(
        models.create("mobilenet_v2", 1000, convention="keras").init, jax.random.key(0), jnp.zeros((1, 224, 224, 3))
    )
    sizes = {part: sum(leaf.size for leaf in jax.tree.leaves(tree)) for part, tree in shapes.items()}
    backbone = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]["backbone"]))
    assert sum(sizes.values()) == 3_538_984 and sizes["batch_stats"] == 34_112
    assert backbone + sizes["batch_stats"] == 2_257_984
