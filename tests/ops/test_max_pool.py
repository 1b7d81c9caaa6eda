"""The pool, its gradient and equal maxima, against `nn.max_pool` of Flax."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import ops

CASES = [
    ((2, 7, 6, 3), 3, 2, "SAME"),
    ((2, 8, 8, 3), 3, 2, "SAME"),
    ((1, 9, 10, 2), 2, 2, "VALID"),
    ((2, 6, 5, 1), 3, 1, "SAME"),
    ((1, 11, 8, 2), 3, 3, ((1, 0), (2, 1))),
    ((1, 9, 9, 2), 2, 3, "VALID"),
]


@pytest.mark.parametrize("path", ["auto", "fast", "xla"])
@pytest.mark.parametrize(("shape", "size", "stride", "padding"), CASES)
def test_as_flax(shape, size, stride, padding, path):
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.integers(-3, 3, shape), jnp.float32)  # many equal numbers in each window
    expected, back = jax.vjp(lambda x: nn.max_pool(x, (size, size), (stride, stride), padding), x)
    y, ours = jax.vjp(lambda x: ops.max_pool(x, size, stride, padding, path), x)
    np.testing.assert_array_equal(y, expected)
    dy = jnp.asarray(rng.integers(-9, 9, y.shape), jnp.float32)  # sums of them are exact
    np.testing.assert_array_equal(ours(dy)[0], back(dy)[0])


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float64])
def test_the_type_of_the_activations_stays(dtype):
    with jax.enable_x64(True):
        x = jnp.arange(32, dtype=dtype).reshape(1, 4, 4, 2)
        y, back = jax.vjp(lambda x: ops.max_pool(x, 2, 2), x)
        assert y.dtype == back(y)[0].dtype == dtype
        assert y[0, 0, 0].tolist() == [10, 11]


def test_a_window_larger_than_the_image():
    with pytest.raises(ValueError, match="larger than the padded image of 2x2"):
        ops.max_pool(jnp.zeros((1, 2, 2, 1)), 3, 2)
