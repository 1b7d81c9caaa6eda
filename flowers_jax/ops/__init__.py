"""Convolution: `convolve`, which the models run, `conv_general_dilated`, by which any Flax model runs it too,
`max_pool`, and the references that say what layers must give."""

from flowers_jax.ops.barrier import cpu_barrier, kept_on_cpu
from flowers_jax.ops.convolution import PATHS, convolve
from flowers_jax.ops.flax_conv import conv_general_dilated
from flowers_jax.ops.max_pool import max_pool
from flowers_jax.ops.reference import conv2d, conv2d_input_grad, conv2d_kernel_grad

__all__ = [
    "PATHS",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_kernel_grad",
    "conv_general_dilated",
    "convolve",
    "cpu_barrier",
    "kept_on_cpu",
    "max_pool",
]
