"""Pooling agrees with JAX's and Flax's, gradients with `jax.grad` and central differences."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

from flowers_jax import ops

close = partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-6)
quietly = settings(deadline=None, derandomize=True, database=None, max_examples=10)


@pytest.fixture(autouse=True, scope="module")
def float64():
    with jax.enable_x64(True):
        yield


@st.composite
def pools(draw: st.DrawFn) -> tuple[np.ndarray, int, int, object]:
    """(x, size, stride, padding); padding is less than the window, which always sees the image then."""
    size, stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    shape = (draw(st.integers(1, 3)), draw(st.integers(3, 8)), draw(st.integers(3, 8)), draw(st.integers(1, 3)))
    side = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    padding = draw(st.one_of(st.sampled_from(["SAME", "VALID"]), st.tuples(side, side)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.normal(size=shape), size, stride, padding


def reduce_window(x, size, stride, padding):
    if not isinstance(padding, str):
        padding = ((0, 0), *padding, (0, 0))
    return lax.reduce_window(jnp.asarray(x), -jnp.inf, lax.max, (1, size, size, 1), (1, stride, stride, 1), padding)


def agree_with_jax(x, size, stride, padding) -> None:
    y, back = jax.vjp(lambda x: reduce_window(x, size, stride, padding), jnp.asarray(x))
    dy = np.random.default_rng(0).normal(size=y.shape)
    pooled = ops.max_pool(x, size, stride, padding)
    assert pooled.dtype == np.float64
    close(pooled, y)
    close(nn.max_pool(jnp.asarray(x), (size, size), (stride, stride), padding), y)
    expected = back(dy)[0]
    close(ops.max_pool_grad(x, dy, size, stride, padding), expected)
    close(jax.vjp(lambda x: ops.max_pool(x, size, stride, padding), x)[1](dy)[0], expected)


@quietly
@given(pools())
def test_max_pool_and_its_gradient_agree_with_jax(case):
    agree_with_jax(*case)


@quietly
@given(pools())
def test_of_equal_maxima_the_first_takes_the_gradient_as_in_jax(case):
    x, size, stride, padding = case
    x = np.sign(x)  # nothing but ties
    y, back = jax.vjp(lambda x: reduce_window(x, size, stride, padding), jnp.asarray(x))
    dy = np.random.default_rng(0).normal(size=y.shape)
    close(ops.max_pool_grad(x, dy, size, stride, padding), back(dy)[0])


def test_a_tie_worked_out():
    x = jnp.array([[1.0, 5.0], [5.0, 5.0]]).reshape(1, 2, 2, 1)
    dx = ops.max_pool_grad(x, jnp.ones((1, 1, 1, 1)), 2, 2)
    assert dx.ravel().tolist() == [0, 1, 0, 0]
    assert jax.grad(jnp.max)(x).ravel() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])  # the other convention


def test_padding_never_wins():
    x = -jnp.ones((1, 3, 3, 1))
    assert ops.max_pool(x, 2, 2, "SAME").ravel().tolist() == [-1, -1, -1, -1]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_max_pool_gradient_agrees_with_central_differences(padding):
    x = np.random.default_rng(0).permutation(2 * 6 * 7 * 2).reshape(2, 6, 7, 2) / 10.0  # no two within a step
    pool = jax.custom_vjp(lambda x: ops.max_pool(x, 3, 2, padding))
    pool.defvjp(lambda x: (ops.max_pool(x, 3, 2, padding), x), lambda x, dy: (ops.max_pool_grad(x, dy, 3, 2, padding),))
    check_grads(pool, (x,), order=1, modes=("rev",), atol=1e-6, rtol=1e-6, eps=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 3, 4), (3, 2, 7, 1)])
def test_global_average_pool_and_its_gradient(shape):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=shape), rng.normal(size=(shape[0], shape[3]))
    y, back = jax.vjp(lambda x: x.mean((1, 2)), jnp.asarray(x))
    close(ops.global_average_pool(x), y)
    close(ops.global_average_pool_grad(jnp.asarray(dy), shape), back(dy)[0])
    check_grads(ops.global_average_pool, (x,), order=1, modes=("rev",), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "size", "stride", "padding", "message"),
    [
        ((1, 2, 5, 3), 3, 1, "VALID", r"3x3.*larger than the padded image of 2x5.*\(1, 2, 5, 3\)"),
        ((1, 5, 5, 3), 0, 1, "VALID", r"size 0: must be at least 1 \(input \(1, 5, 5, 3\)\)"),
        ((1, 5, 5, 3), 2, 0, "VALID", r"stride 0: must be at least 1 \(input \(1, 5, 5, 3\)"),
        ((1, 5, 5, 3), 2, 2, "full", r"padding 'full': must be SAME, VALID or"),
    ],
)
def test_a_window_that_does_not_fit_is_named(shape, size, stride, padding, message):
    with pytest.raises(ValueError, match=message):
        ops.max_pool(jnp.zeros(shape), size, stride, padding)
    with pytest.raises(ValueError, match=message):
        ops.max_pool_grad(jnp.zeros(shape), jnp.zeros(shape), size, stride, padding)


def test_an_output_gradient_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"\(1, 2, 3, 1\), the output \(1, 2, 2, 1\)"):
        ops.max_pool_grad(jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 2, 3, 1)), 2, 2)
    with pytest.raises(ValueError, match=r"\(1, 2\), the output \(1, 3\)"):
        ops.global_average_pool_grad(jnp.zeros((1, 2)), (1, 4, 4, 3))
    with pytest.raises(ValueError, match=r"input \(1, 0, 4, 3\): must be \[B, H, W, C\]"):
        ops.global_average_pool(jnp.zeros((1, 0, 4, 3)))
