"""Convolution: `convolve`, which the models run, and the references that say what layers must give."""

from flowers_jax.ops.convolution import PATHS, convolve
from flowers_jax.ops.dense import dense, dense_bias_grad, dense_input_grad, dense_kernel_grad
from flowers_jax.ops.pooling import global_average_pool, global_average_pool_grad, max_pool, max_pool_grad
from flowers_jax.ops.reference import conv2d, conv2d_input_grad, conv2d_kernel_grad

__all__ = [
    "PATHS",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_kernel_grad",
    "convolve",
    "dense",
    "dense_bias_grad",
    "dense_input_grad",
    "dense_kernel_grad",
    "global_average_pool",
    "global_average_pool_grad",
    "max_pool",
    "max_pool_grad",
]
