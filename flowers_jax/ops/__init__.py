"""Convolutions, chosen per backend behind one function each."""

from flowers_jax.ops.convolution import depthwise_conv, pointwise_conv

__all__ = ["depthwise_conv", "pointwise_conv"]
