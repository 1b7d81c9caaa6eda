"""The layers that the models are made of. Their parameters have the names and shapes of Flax's own."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Key

from flowers_jax import ops
from flowers_jax.ops.geometry import Padding
from flowers_jax.types import Activations

Channels = Float[Array, "channels"]
ExampleKeys = Key[Array, " batch"]


class Layer(nn.Module):
    """A function of activations without parameters, as a module so that tables of layers show it."""

    function: Callable[[Array], Array]

    def __call__(self, x: Array) -> Array:
        return self.function(x)


def flatten(x: Activations) -> Float[Array, "batch features"]:
    """[B, H, W, C] -> [B, H W C]."""
    return x.reshape(x.shape[0], -1)


def global_average_pool(x: Activations) -> Float[Array, "batch channels"]:
    """[B, H, W, C] -> [B, C], not less exact than in float32."""
    if x.dtype == jnp.bfloat16:
        # Behind a barrier: on a CPU XLA (jaxlib 0.11 and 0.12) fuses the mean with the bfloat16 convolutions before it,
        # and then reads memory that nothing has written.
        x = ops.cpu_barrier(x)
    return at_least_float32(x).mean((1, 2))


def relu6(x: Activations) -> Activations:
    """min(max(x, 0), 6), whose gradient is 1 strictly between and 0 elsewhere."""
    return lax.clamp(jnp.zeros((), x.dtype), x, jnp.full((), 6, x.dtype))


def drop_path(x: Activations, probability: float, keys: ExampleKeys) -> Activations:
    """Zeros in place of whole examples, with that probability; the others divided by what remains of it.

    Source: Huang et al. 2016, https://arxiv.org/abs/1603.09382.
    """
    return _drop(x, probability, keys, (1, 1, 1))


def _drop(x: Float[Array, "batch ..."], probability: float, keys: ExampleKeys, shape: tuple[int, ...]) -> Array:
    """Each example's own mask of that shape, which is spread over the example."""
    kept = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - probability, shape))(keys)
    return jnp.where(kept, x / (1 - probability), 0)


_part: ContextVar[tuple[int | Int[Array, ""], int]] = ContextVar("part", default=(0, 1))


@contextlib.contextmanager
def part_of_batch(number: int | Int[Array, ""], parts: int) -> Iterator[None]:
    """While in here, a module is applied to one of the equal parts of a replica's share of the batch.

    Args:
        number: of the part, from 0.
        parts: how many there are.
    """
    token = _part.set((number, parts))
    try:
        yield
    finally:
        _part.reset(token)


def example_keys(module: nn.Module, batch: int, axis_name: str | None) -> ExampleKeys:
    """A key for each row of a replica's share of the batch, or of a part of it (`part_of_batch`).

    They are the same on any number of devices and in any number of parts. They follow from the stream `example`, whose
    key all devices have, and from `dropout` where that is not given.

    Args:
        axis_name: the mapped axis over which the batch is divided.
    """
    key = module.make_rng("example" if module.has_rng("example") else "dropout")
    number, parts = _part.get()
    if not (axis_name is None or module.is_initializing()):
        number = lax.axis_index(axis_name) * parts + number
    return jax.vmap(partial(jax.random.fold_in, key))(number * batch + jnp.arange(batch))


class Dropout(nn.Module):
    """Zeros in place of single numbers; `nn.Dropout` draws one mask for what a device has, this one for each example.

    Attributes:
        rate: the probability of a zero in training; the other numbers are divided by what remains of it.
        axis_name: the mapped axis over which the batch is divided.
    """

    rate: float
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch features"], train: bool) -> Float[Array, "batch features"]:
        if not train or not self.rate:
            return x
        return _drop(x, self.rate, example_keys(self, len(x), self.axis_name), x.shape[1:])


class Conv(nn.Module):
    """Convolution with a bias: [B, H, W, I] -> [B, H', W', channels]. `convolution` is one of `ops.PATHS`."""

    channels: int
    kernel_size: int
    stride: int = 1
    padding: Padding = "SAME"
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Activations) -> Activations:
        shape = (self.kernel_size, self.kernel_size, x.shape[3], self.channels)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, (self.channels,)).astype(self.dtype)
        return ops.convolve(x, kernel, self.stride, self.padding, path=self.convolution) + bias


class ConvNorm(nn.Module):
    """Convolution without bias, BatchNorm, activation: [B, H, W, I] -> [B, H', W', channels].

    In training BatchNorm takes the mean and variance of the batch (over `axis_name` too). Otherwise it takes the
    stored ones, and in float32 is a scale of the kernel and a bias: one pass over the activations less.

    Attributes:
        groups: None is depthwise, a group for each channel.
        momentum: how much of the stored statistics an update keeps.
        unbiased: what is stored is the variance of n - 1, as PyTorch has it.
        convolution: how it runs, one of `ops.PATHS`.
    """

    channels: int
    kernel_size: int = 1
    stride: int = 1
    padding: Padding = "SAME"
    groups: int | None = 1
    dilation: int = 1
    activation: Callable[[Activations], Activations] | None = None
    epsilon: float = 1e-5
    momentum: float = 0.9
    unbiased: bool = False
    scale_init: nn.initializers.Initializer = nn.initializers.ones
    axis_name: str | None = None
    dtype: DTypeLike = jnp.float32
    convolution: str = "auto"

    @nn.compact
    def __call__(self, x: Activations, train: bool) -> Activations:
        groups = x.shape[3] if self.groups is None else self.groups
        shape = (self.kernel_size, self.kernel_size, x.shape[3] // groups, self.channels)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        scale = self.param("scale", self.scale_init, (self.channels,))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (self.channels,))
        var = self.variable("batch_stats", "var", jnp.ones, (self.channels,))

        def convolve(kernel: Array) -> Activations:
            kernel = kernel.astype(self.dtype)
            return ops.convolve(
                x, kernel, self.stride, self.padding, self.dilation, groups=groups, path=self.convolution
            )

        if train:
            # Behind a barrier, or XLA computes the convolution again for each of its readers.
            y = ops.cpu_barrier(convolve(kernel))
            axis_name = None if self.is_initializing() else self.axis_name
            batch_mean, batch_var = _moments(y, axis_name)
            if not self.is_initializing():
                count = y.size // y.shape[3] * (1 if axis_name is None else lax.axis_size(axis_name))
                bessel = count / max(count - 1, 1) if self.unbiased else 1.0
                mean.value = self.momentum * mean.value + (1 - self.momentum) * batch_mean
                var.value = self.momentum * var.value + (1 - self.momentum) * bessel * batch_var
            factor = scale * lax.rsqrt(batch_var + self.epsilon)
            y = _scale_and_shift(y, factor, bias - batch_mean * factor)
        else:
            factor = scale * lax.rsqrt(var.value + self.epsilon)
            shift = bias - mean.value * factor
            if jnp.promote_types(self.dtype, jnp.float32) == self.dtype:
                y = convolve(kernel * factor) + shift.astype(self.dtype)
            else:  # bfloat16: a kernel that is scaled and then rounded moves every mean
                y = _scale_and_shift(convolve(kernel), factor, shift)
        return y if self.activation is None else self.activation(y)


def at_least_float32(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """bfloat16 becomes float32; float64, in which tests compare, stays."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _scale_and_shift(y: Activations, factor: Channels, shift: Channels) -> Activations:
    """In the dtype of `y`, computed not less exact than in float32, as Flax's BatchNorm is."""
    return (at_least_float32(y) * factor + shift).astype(y.dtype)


def _moments(y: Activations, axis_name: str | None) -> tuple[Channels, Channels]:
    """Mean and variance of each channel, not less exact than in float32, over all replicas."""
    y = at_least_float32(y)
    mean, square = y.mean((0, 1, 2)), (y * y).mean((0, 1, 2))
    if axis_name is not None:
        mean, square = lax.pmean((mean, square), axis_name)
    return mean, jnp.maximum(square - mean * mean, 0)
