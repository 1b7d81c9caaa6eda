"""The fast paths equal the plain convolution, forward and backward."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from flowers_jax import ops
from flowers_jax.ops import convolution

KEY = jax.random.key(0)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(7, 8), (5, 5), (12, 9)])
@pytest.mark.parametrize("padding", [((1, 1), (1, 1)), ((0, 1), (0, 1)), ((0, 0), (0, 0))])
def test_depthwise(stride, size, padding):
    x = jax.random.normal(KEY, (2, *size, 5))
    kernel = jax.random.normal(jax.random.fold_in(KEY, 1), (3, 3, 1, 5))

    def plain(x, kernel):
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=5
        )

    def fast(x, kernel):
        return convolution._shifted_add(x, kernel, stride, padding)

    np.testing.assert_allclose(fast(x, kernel), plain(x, kernel), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ops.depthwise_conv(x, kernel, stride, padding), plain(x, kernel), rtol=1e-5, atol=1e-5)
    gradients = [jax.grad(lambda *a, f=f: (f(*a) ** 2).sum(), (0, 1))(x, kernel) for f in (fast, plain)]
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_pointwise():
    x = jax.random.normal(KEY, (2, 3, 4, 5))
    kernel = jax.random.normal(KEY, (5, 7))
    np.testing.assert_allclose(
        ops.pointwise_conv(x, kernel), jnp.einsum("bhwi,io->bhwo", x, kernel), rtol=1e-5, atol=1e-5
    )
