"""What is kept on a CPU is computed once, and every other reader reads it."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax.ops.barrier import kept_on_cpu
from flowers_jax.ops.plain_conv import kernel_grad

ZEROS = ((1, 1), (1, 1))


def compiled(keep):
    def transposed_and_sum(x):
        y = keep(jnp.maximum(x * 2 + 1, 0))
        return y.transpose(3, 1, 2, 0), y.sum()

    return jax.jit(transposed_and_sum).lower(jnp.zeros((4, 8, 8, 4))).compile()


def transpositions_that_compute(program):
    """The parts of a program that XLA fused of a maximum and a transposition, or of a copy in another order."""
    parts = re.findall(r"^%\S+ \(.*?^\}", program.as_text(), re.S | re.M)
    return [part for part in parts if " maximum(" in part and (" transpose(" in part or " copy(" in part)]


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="other backends keep nothing")
def test_a_reader_does_not_compute_again_what_is_kept():
    assert transpositions_that_compute(compiled(lambda y: y))
    assert not transpositions_that_compute(compiled(kept_on_cpu))


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="other backends keep nothing")
def test_the_kernel_gradient_transposes_activations_that_are_kept():
    def both(x, dy):
        y = jnp.maximum(x * 2 + 1, 0)
        return kernel_grad(y, dy * 2, (3, 3), 1, ZEROS), y.sum()

    program = jax.jit(both).lower(jnp.zeros((4, 8, 8, 16)), jnp.zeros((4, 8, 8, 32))).compile()
    assert " convolution(" in program.as_text()
    assert not transpositions_that_compute(program)


def test_what_is_kept_is_the_same():
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    first, second = jax.jit(lambda x: kept_on_cpu((x * 2, {"y": x + 1})))(x)
    np.testing.assert_array_equal(first, x * 2)
    np.testing.assert_array_equal(second["y"], x + 1)
