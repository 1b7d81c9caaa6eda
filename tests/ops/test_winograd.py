"""Winograd's convolution against the definition, with any borders and sizes, and where `convolve` takes it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from flowers_jax import ops
from flowers_jax.ops.winograd import winograd_conv
from tests.ops.test_convolution import close

CASES = [
    ((2, 6, 8, 3), ((1, 1), (1, 1))),
    ((1, 7, 5, 2), ((1, 1), (1, 1))),
    ((2, 5, 6, 1), ((0, 0), (0, 0))),
    ((1, 4, 7, 2), ((1, 0), (2, 3))),
    ((1, 3, 4, 2), ((0, 4), (3, 0))),
]


@pytest.mark.parametrize(("shape", "zeros"), CASES)
def test_the_definition_and_its_gradients(shape, zeros):
    def compute(x, kernel, dy):
        y, back = jax.vjp(lambda x, kernel: winograd_conv(x, kernel, zeros), x, kernel)
        return y, *back(dy)

    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel = rng.normal(size=shape), rng.normal(size=(3, 3, shape[3], 4))
        expected = ops.conv2d(x, kernel, 1, zeros)
        dy = rng.normal(size=expected.shape)
        y, dx, dkernel = jax.jit(compute)(x, kernel, dy)
        close(y, expected)
        close(dx, ops.conv2d_input_grad(dy, kernel, x.shape, 1, zeros))
        close(dkernel, ops.conv2d_kernel_grad(x, dy, kernel.shape, 1, zeros))


def test_central_differences():
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        arrays = rng.normal(size=(1, 5, 4, 2)), rng.normal(size=(3, 3, 2, 2))
        check_grads(
            lambda *arrays: jnp.sin(winograd_conv(*map(jnp.asarray, arrays), ((1, 1), (1, 1)))),
            arrays,
            order=2,
            modes=("rev",),
            eps=1e-4,
        )


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "dtype", "taken"),
    [
        (64, 3, 1, jnp.float32, True),
        (32, 3, 1, jnp.float32, False),
        (64, 5, 1, jnp.float32, False),
        (64, 3, 2, jnp.float32, False),
        (64, 3, 1, jnp.bfloat16, False),
    ],
)
def test_where_it_runs(channels, kernel, stride, dtype, taken):
    """It alone has matrix products; all are within the tolerance of `convolve`."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 9, 8, channels)), dtype)
    w = jnp.asarray(rng.normal(size=(kernel, kernel, channels, channels)) / (kernel * channels**0.5), dtype)
    traced = jax.make_jaxpr(lambda x, w: ops.convolve(x, w, stride, path="fast"))(x, w)
    assert ("dot_general" in str(traced)) is taken
    if dtype == jnp.float32:
        close(ops.convolve(x, w, stride, path="fast"), ops.convolve(x, w, stride, path="reference"))
