"""`nn.Conv` computes the same with `ops.conv_general_dilated` as without, and takes the fast paths."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax

from flowers_jax import ops
from flowers_jax.models.initial import QUICKLY

IMAGES = (2, 9, 7, 4)  # no side is even or like another
OURS, PLAIN = ops.conv_general_dilated, lax.conv_general_dilated
NUMBERS = ("NHWC", "HWIO", "NHWC")

FAST = {
    "depthwise": {"features": 4, "kernel_size": (3, 3), "feature_group_count": 4},
    "depthwise, stride": {"features": 4, "kernel_size": (3, 3), "strides": 2, "feature_group_count": 4},
    "depthwise, dilation": {"features": 4, "kernel_size": (3, 2), "kernel_dilation": 2, "feature_group_count": 4},
    "depthwise, pairs": {
        "features": 4, "kernel_size": (3, 3), "padding": ((2, 0), (1, 3)), "feature_group_count": 4,
    },
    "depthwise, circular": {
        "features": 4, "kernel_size": (3, 3), "padding": "CIRCULAR", "feature_group_count": 4, "use_bias": False,
    },
    "1x1": {"features": 5, "kernel_size": (1, 1)},
    "1x1, stride": {"features": 5, "kernel_size": (1, 1), "strides": (2, 2), "padding": "VALID"},
}  # fmt: skip
"""Fields of an `nn.Conv` that our own code runs on a CPU."""

FIELDS = FAST | {
    "same": {"features": 5, "kernel_size": (3, 2)},
    "valid": {"features": 5, "kernel_size": (3, 3), "strides": 2, "padding": "VALID"},
    "one number": {"features": 5, "kernel_size": (3, 3), "padding": 2},
    "dilation": {"features": 5, "kernel_size": (2, 3), "kernel_dilation": (2, 2)},
    "groups": {"features": 6, "kernel_size": (3, 3), "feature_group_count": 2},
    "depthwise, two filters a channel": {"features": 8, "kernel_size": (3, 3), "feature_group_count": 4},
    "strides differ": {"features": 4, "kernel_size": (3, 3), "strides": (1, 2), "feature_group_count": 4},
    "dilations differ": {"features": 4, "kernel_size": (3, 3), "kernel_dilation": (1, 2), "feature_group_count": 4},
    "input dilation": {"features": 5, "kernel_size": (3, 3), "input_dilation": 2, "padding": 1},
    "negative padding": {"features": 4, "kernel_size": (3, 3), "padding": ((-1, 0), (0, 1)), "feature_group_count": 4},
    "kernel larger than the image": {"features": 5, "kernel_size": (11, 3), "padding": "VALID"},
    "precision": {"features": 5, "kernel_size": (1, 1), "precision": "highest"},
}


OTHERS = {
    "three channels": ({"features": 5, "kernel_size": (3, 3), "strides": 2}, (2, 9, 7, 3)),
    "one dimension": ({"features": 4, "kernel_size": (3,), "feature_group_count": 4}, (2, 9, 4)),
    "one dimension, causal": ({"features": 4, "kernel_size": (3,), "padding": "CAUSAL"}, (2, 9, 4)),
    "three dimensions": ({"features": 4, "kernel_size": (3, 3, 3)}, (2, 5, 6, 7, 4)),
    "no batch": (FAST["depthwise"], (9, 7, 4)),
    "two axes of batches": (FAST["depthwise"], (2, 3, 9, 7, 4)),
}
"""Fields, and the shape of what the layer is given."""


def close(found, expected, name=""):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5, err_msg=name)


def outputs_and_gradients(fields, variables, x, convolution):
    module = nn.Conv(**fields, dtype=x.dtype, conv_general_dilated=convolution)
    y, back = jax.vjp(module.apply, variables, x)
    return y, back(jnp.sin(jnp.arange(y.size)).reshape(y.shape).astype(y.dtype))


def with_and_without(cases, dtype=jnp.float32):
    """By name: outputs and gradients of the layer with our convolution, and of the one without. All in one program."""
    arrays, rng = {}, np.random.default_rng(0)
    for name, (fields, shape) in cases.items():
        shapes = jax.eval_shape(nn.Conv(**fields).init, jax.random.key(0), jnp.zeros(shape))
        variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype("f"), shapes)
        arrays[name] = variables, jnp.asarray(rng.normal(size=shape), dtype)

    @partial(jax.jit, compiler_options=QUICKLY)
    def compute(arrays):
        return {
            name: [outputs_and_gradients(fields, *arrays[name], one) for one in (OURS, PLAIN)]
            for name, (fields, _) in cases.items()
        }

    return compute(arrays)


def test_outputs_and_gradients_are_those_of_plain_flax():
    for name, both in with_and_without({name: (fields, IMAGES) for name, fields in FIELDS.items()} | OTHERS).items():
        close(*both, name)


def test_bfloat16():
    """Each rounds sums of products at its own places, by up to one part in 256 of what they have come to."""
    cases = {name: (FIELDS[name], IMAGES) for name in ("depthwise", "1x1", "same")}
    for name, both in with_and_without(cases, jnp.bfloat16).items():
        for found, expected in zip(*map(jax.tree.leaves, both), strict=True):
            assert found.dtype == expected.dtype
            found, expected = np.asarray(found, "f"), np.asarray(expected, "f")
            np.testing.assert_allclose(found, expected, atol=np.abs(expected).max() / 100, err_msg=name)


def lowered(fields, convolution, platform="cpu"):
    """The program of a layer's gradients."""
    module = nn.Conv(**fields, conv_general_dilated=convolution)
    x = jax.ShapeDtypeStruct(IMAGES, jnp.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), x)
    loss = jax.grad(lambda variables, x: jnp.sin(module.apply(variables, x)).sum(), (0, 1))
    return jax.jit(loss).trace(variables, x).lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("fields", FAST.values(), ids=FAST)
def test_a_cpu_runs_our_code_and_others_their_own(fields):
    """Neither pass has a convolution left on a CPU; both are convolutions elsewhere."""
    assert "stablehlo.convolution" in lowered(fields, PLAIN)
    assert "stablehlo.convolution" not in lowered(fields, OURS)
    for platform in ("cuda", "tpu"):
        counts = [lowered(fields, one, platform).count("stablehlo.convolution") for one in (OURS, PLAIN)]
        assert counts[0] == counts[1] > 0


def test_under_pmap_vmap_and_remat():
    x = jax.random.normal(jax.random.key(0), (2, *IMAGES))
    variables = nn.Conv(**FAST["depthwise"]).init(jax.random.key(1), x[0])

    def gradients(convolution):
        module = nn.Conv(**FAST["depthwise"], conv_general_dilated=convolution)
        return jax.grad(jax.checkpoint(lambda variables, x: jnp.sin(module.apply(variables, x)).sum()))

    expected = jax.jit(jax.vmap(gradients(PLAIN), (None, 0)))(variables, x)
    close(jax.jit(jax.vmap(gradients(OURS), (None, 0)))(variables, x), expected)
    close(jax.pmap(gradients(OURS), in_axes=(None, 0), devices=jax.devices()[:2])(variables, x), expected)


def test_our_code_refuses_forward_mode():
    x = jnp.ones(IMAGES)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda x: OURS(x, jnp.ones((1, 1, 4, 5)), (1, 1), "SAME", dimension_numbers=NUMBERS), (x,), (x,))


def test_the_newer_field_and_nnx_take_it_too():
    x = jax.random.normal(jax.random.key(0), IMAGES)
    plain = nn.Conv(**FAST["depthwise"])
    variables = plain.init(jax.random.key(1), x)
    with_class = nn.Conv(**FAST["depthwise"], conv_general_dilated_cls=lambda: OURS)
    close(with_class.apply(variables, x), plain.apply(variables, x))
    layers = [nnx.Conv(4, 4, (3, 3), feature_group_count=4, conv_general_dilated=one, rngs=nnx.Rngs(0))
              for one in (OURS, PLAIN)]  # fmt: skip
    close(*(layer(x) for layer in layers))


CALLS = {
    "no dimension numbers": ((2, 4, 9, 7), (4, 1, 3, 3), {"dimension_numbers": None, "feature_group_count": 4}),
    "SAME_LOWER": ((2, 9, 7, 4), (3, 2, 1, 4), {"padding": "SAME_LOWER", "feature_group_count": 4}),
    "groups of the batch": ((4, 9, 7, 4), (3, 3, 4, 6), {"batch_group_count": 2}),
    "more exact": ((2, 9, 7, 4), (1, 1, 4, 6), {"preferred_element_type": jnp.float32}),
    "no image": ((0, 9, 7, 4), (3, 3, 1, 4), {"feature_group_count": 4}),
    "no padding left": ((1, 2, 2, 4), (3, 3, 1, 4), {"padding": "VALID", "feature_group_count": 4}),
}
"""What no `nn.Conv` asks for, or hardly: shapes and arguments of lax."""


@pytest.mark.parametrize(("x", "kernel", "arguments"), CALLS.values(), ids=CALLS)
def test_every_other_call_is_that_of_lax(x, kernel, arguments):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=x).astype("f"), rng.normal(size=kernel).astype("f")
    arguments = {"window_strides": (1, 1), "padding": "SAME", "dimension_numbers": NUMBERS} | arguments
    close(OURS(x, kernel, **arguments), PLAIN(x, kernel, **arguments))


@pytest.mark.parametrize("dtype", ["int32", "complex64", "float16"])
def test_other_numbers_are_those_of_lax(dtype):
    x, kernel = np.ones((2, 9, 7, 4), dtype), np.ones((1, 1, 4, 6), dtype)
    found, expected = (one(x, kernel, (1, 1), "SAME", dimension_numbers=NUMBERS) for one in (OURS, PLAIN))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("kernel", "dtype", "strides", "padding"),
    [
        ((3, 3, 1, 4), "f", (2,), "SAME"),
        ((3, 3, 1, 4), "f", (1, 1), "NONE"),
        ((3, 3, 1, 4), "f", (1, 1), [(1, 1)] * 3),
        ((3, 3, 3, 4), "f", (1, 1), "SAME"),
        ((3, 3, 1, 4), "d", (1, 1), "SAME"),
    ],
    ids=["strides", "padding", "pairs", "channels", "dtype"],
)
def test_what_lax_refuses_is_refused_in_its_words(kernel, dtype, strides, padding):
    messages = []
    for one in (OURS, PLAIN):
        with jax.enable_x64(True), pytest.raises(Exception) as refused:
            one(jnp.ones(IMAGES, "f"), jnp.ones(kernel, dtype), strides, padding,
                dimension_numbers=NUMBERS, feature_group_count=4)  # fmt: skip
        messages.append((type(refused.value), str(refused.value)))
    assert messages[0] == messages[1]


def test_a_batch_that_is_unknown_until_it_runs_can_be_exported():
    (batch,) = jax.export.symbolic_shape("batch")
    module = nn.Conv(**FAST["depthwise"], conv_general_dilated=OURS)
    x = jax.random.normal(jax.random.key(0), IMAGES)
    variables = module.init(jax.random.key(1), x)
    call = jax.export.export(jax.jit(partial(module.apply, variables)))
    exported = call(jax.ShapeDtypeStruct((batch, *IMAGES[1:]), jnp.float32))
    close(exported.call(x), module.apply(variables, x))
