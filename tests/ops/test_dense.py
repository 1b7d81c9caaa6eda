"""The dense layer agrees with Flax's, its gradients with `jax.grad` and central differences."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from flowers_jax import ops

close = partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-6)
sizes = st.integers(1, 6)


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


@settings(deadline=None, derandomize=True, database=None, max_examples=10)
@given(sizes, sizes, sizes)
def test_value_and_gradients_agree_with_flax(batch, inputs, outputs):
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(batch, inputs)), rng.normal(size=(inputs, outputs)), rng.normal(size=outputs)
    dy = rng.normal(size=(batch, outputs))

    def flax(x, w, b):
        return nn.Dense(outputs).apply({"params": {"kernel": w, "bias": b}}, x)

    y, back = jax.vjp(flax, x, w, b)
    dx, dw, db = back(dy)
    assert ops.dense(x, w, b).dtype == np.float64
    close(ops.dense(x, w, b), y)
    close(ops.dense_input_grad(dy, w), dx)
    close(ops.dense_kernel_grad(x, dy), dw)
    close(ops.dense_bias_grad(dy), db)


def test_gradients_agree_with_central_differences():
    rng = np.random.default_rng(0)
    x, w, b = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
    layer = jax.custom_vjp(ops.dense)
    layer.defvjp(
        lambda x, w, b: (ops.dense(x, w, b), (x, w)),
        lambda kept, dy: (
            ops.dense_input_grad(dy, kept[1]),
            ops.dense_kernel_grad(kept[0], dy),
            ops.dense_bias_grad(dy),
        ),
    )
    check_grads(layer, (x, w, b), order=1, modes=("rev",), atol=1e-6, rtol=1e-6)


def test_shapes_that_do_not_fit_are_named():
    x, w, b = jnp.zeros((2, 3)), jnp.zeros((3, 4)), jnp.zeros(4)
    with pytest.raises(ValueError, match=r"input \(2, 3\), kernel \(4, 3\), bias \(4,\): must be \[B, I\], \[I, O\]"):
        ops.dense(x, w.T, b)
    with pytest.raises(ValueError, match=r"kernel \(3, 4\), bias \(3,\)"):
        ops.dense(x, w, jnp.zeros(3))
    with pytest.raises(ValueError, match=r"output gradient \(2, 3\), kernel \(3, 4\)"):
        ops.dense_input_grad(x, w)
    with pytest.raises(ValueError, match=r"input \(2, 3\), output gradient \(3, 4\)"):
        ops.dense_kernel_grad(x, w)
