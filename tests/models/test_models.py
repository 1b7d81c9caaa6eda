"""Every registered model: shapes, golden parameter counts, and what happens to BatchNorm."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import models
from flowers_jax.errors import UsageError
from flowers_jax.models import mobilenet_v2
from flowers_jax.models.initial import initial_variables
from tests.conftest import AS_USERS_DO

GOLDEN = {
    # model and size -> trainable numbers of its parameters, BatchNorm statistics
    ("mobilenet_v2", 64, 1000): (3_504_872, 34_112),  # 3,538,984 together, as Keras counts them
    ("mobilenet_v2", 64, 5): (2_230_277, 34_112),
    ("seed_cnn", 28, 5): (896 + 7_845, 0),
    ("cnn", 64, 5): (695_973, 2_240),
    ("efficientnet_lite", 64, 1000): (4_652_008, 42_016),
}


def count(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def shapes(module, size):
    return jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, size, size, 3)))


def test_every_model_has_a_row():
    assert {name for name, *_ in GOLDEN} == models.MODELS.keys()


@pytest.mark.parametrize(("name", "size", "classes"), GOLDEN)
def test_parameter_counts(name, size, classes):
    variables = shapes(models.create(name, classes), size)
    expected = GOLDEN[name, size, classes]
    assert (count(variables["params"]), count(variables.get("batch_stats", {}))) == expected
    assert expected[0] <= 1_000_000 or models.find(name).weights


@pytest.mark.parametrize("name", ["cnn", "seed_cnn", pytest.param("efficientnet_lite", marks=pytest.mark.slow)])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_logits_are_float32_and_one_row_an_image(name, dtype):
    one_row_an_image(name, dtype)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_logits_of_mobilenet_are_float32_and_one_row_an_image(mobilenet, dtype):
    del mobilenet
    one_row_an_image("mobilenet_v2", dtype)


def one_row_an_image(name, dtype):
    module = models.create(name, 5, dtype=dtype)
    x = jax.random.normal(jax.random.key(0), (3, 64, 64, 3))
    variables = initial_variables(module, 64, jax.random.key(1))
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {np.dtype("float32")}
    logits = jax.jit(module.apply)(variables, x)
    assert logits.shape == (3, 5) and logits.dtype == jnp.float32
    if not models.find(name).weights:  # a head on pretrained weights starts at zero
        assert len(np.unique(logits[:, 0])) == 3


def test_the_courses_cnn_layer_by_layer():
    module = models.create("seed_cnn", 5)
    x = jnp.zeros((1, 28, 28, 3))
    variables = module.init(jax.random.key(0), x)
    _, seen = module.apply(variables, x, capture_intermediates=True)
    assert seen["intermediates"]["conv"]["__call__"][0].shape == (1, 14, 14, 32)
    assert variables["params"]["head"]["kernel"].shape == (7 * 7 * 32, 5)
    assert count(variables["params"]["conv"]) == 896
    assert count(variables["params"]["head"]) == 7_845


@pytest.mark.parametrize("convention", mobilenet_v2.CONVENTIONS)
@pytest.mark.parametrize("size", [32, 33, 96, 97])
def test_mobilenet_divides_any_size_by_32(convention, size):
    backbone = mobilenet_v2.Backbone(0.35, convention)
    *_, out = jax.eval_shape(
        lambda x: backbone.init_with_output(jax.random.key(0), x, False)[0], jnp.zeros((1, size, size, 3))
    )
    assert out.shape == (1, -(-size // 32), -(-size // 32), 1280)


def test_make_divisible_is_the_papers():
    # torchvision and Keras: never less than 90 %
    assert [mobilenet_v2.make_divisible(v) for v in (32 * 0.35, 16 * 0.35, 24 * 0.75, 32 * 1.4, 1280 * 1.4)] == [
        16, 8, 24, 48, 1792,
    ]  # fmt: skip


def test_heads():
    flat = shapes(models.create("mobilenet_v2", 5, head="flatten256"), 96)["params"]
    assert flat["head_hidden"]["kernel"].shape == (3 * 3 * 1280, 256)
    assert flat["head"]["kernel"].shape == (256, 5)


@pytest.mark.parametrize("freeze", ["none", "backbone"])
def test_a_frozen_backbone_runs_on_stored_statistics(mobilenet, freeze):
    del mobilenet
    module = models.create("mobilenet_v2", 3, alpha=0.35, freeze=freeze)
    x = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))
    variables = initial_variables(module, 32, jax.random.key(1))
    variables["params"]["head"]["kernel"] = variables["params"]["head"]["kernel"] + 0.1
    trained, updated = jax.jit(lambda v, x: module.apply(v, x, train=True, mutable=["batch_stats"]))(variables, x)
    same = jax.tree.map(lambda a, b: bool((a == b).all()), variables["batch_stats"], updated["batch_stats"])
    assert all(jax.tree.leaves(same)) == (freeze == "backbone")
    stored = jax.jit(module.apply)(variables, x)
    assert np.array_equal(trained, stored) == (freeze == "backbone")


@pytest.mark.parametrize("fields", [{"dropout": 0.5}, {"stochastic_depth": 0.5}])
def test_dropout_and_stochastic_depth_are_for_training(mobilenet, fields):
    del mobilenet
    module = models.create("mobilenet_v2", 3, alpha=0.35, batch_norm="stored", **fields)
    variables = initial_variables(module, 32, jax.random.key(0))
    variables["params"]["head"]["kernel"] = jax.random.normal(jax.random.key(1), (1280, 3))
    x = jax.random.normal(jax.random.key(2), (2, 32, 32, 3))
    forward = jax.jit(lambda key: module.apply(variables, x, train=True, rngs={"dropout": key}))
    first, same, other = (forward(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)
    tested = jax.jit(lambda: module.apply(variables, x))()  # which asks for no key
    assert not np.allclose(first, tested)


@pytest.mark.parametrize("freeze", ["backbone", "stage_7"])
def test_what_is_frozen_drops_nothing(mobilenet, freeze):
    """So training on features that were computed once is the same training as on photographs."""
    del mobilenet
    module = models.create("mobilenet_v2", 3, alpha=0.35, freeze=freeze, stochastic_depth=0.9)
    x = jax.random.normal(jax.random.key(2), (2, 32, 32, 3))
    variables = jax.tree.map(jnp.asarray, initial_variables(module, 32, jax.random.key(0)))
    # Two programs have the same bits where XLA optimizes them, which it does for users.
    compiled = partial(jax.jit, compiler_options=AS_USERS_DO)
    train = compiled(
        lambda key: module.apply(
            variables, x, train=True, output="stages", rngs={"dropout": key}, mutable="batch_stats"
        )
    )
    tested = compiled(lambda: module.apply(variables, x, output="stages"))()
    for trained, expected in zip(train(jax.random.key(5))[0][:-1], tested[:-1], strict=True):  # but the last layer
        np.testing.assert_array_equal(trained, expected)


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match="one of mobilenet_v2, cnn, seed_cnn"):
        models.create("resnet50", 5)
    with pytest.raises(UsageError, match="alpha"):
        models.create("cnn", 5, alpha=0.5)


def test_normalize():
    images = np.array([[[[0, 127, 255]]]], np.uint8)
    course = models.preprocessing("seed_cnn", 28).normalize(images)
    np.testing.assert_allclose(course[0, 0, 0], [0, 127 / 255, 1], rtol=1e-6)
    p = models.preprocessing("mobilenet_v2", 224)
    expected = (np.array([0, 127, 255]) / 255 - p.mean) / p.std
    np.testing.assert_allclose(p.normalize(images)[0, 0, 0], expected, rtol=1e-5)
