"""Convolution from its definition, and its two gradients in closed form. Plain rather than fast: the oracle.

Notation: s the stride, d the dilation, x~ the padded input. "Convolution" is cross-correlation, as in every
deep-learning library: the kernel is not flipped.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from flowers_jax.ops.geometry import Padding, geometry

Image = Float[Array, "batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]
ImageLike = Float[Array | np.ndarray, "batch _height _width _channels"]
KernelLike = Float[Array | np.ndarray, "_kh _kw _inputs _outputs"]


def conv2d(
    x: ImageLike, w: KernelLike, stride: int = 1, padding: Padding = "SAME", dilation: int = 1, groups: int = 1
) -> Image:
    """y[b, i, j, o] = sum over u, v, c of x~[b, i s + u d, j s + v d, c] w[u, v, c, o].

    Args:
        x: [B, H, W, I].
        w: [kh, kw, I / groups, O]; group g reads input channels g I / groups and following.
        padding: `SAME`, `VALID` or ((top, bottom), (left, right)) zeros.

    Returns:
        [B, H', W', O], in the dtype of `x`.

    Raises:
        ValueError: the shapes do not fit; it names them.
    """
    zeros, (height, width) = geometry(x.shape, w.shape, stride, padding, dilation, groups)
    padded = jnp.pad(x, ((0, 0), *zeros, (0, 0)))
    kh, kw, inputs, outputs = w.shape
    total = jnp.zeros((x.shape[0], height, width, outputs), padded.dtype)
    for u in range(kh):
        for v in range(kw):
            rows = slice(u * dilation, u * dilation + (height - 1) * stride + 1, stride)
            columns = slice(v * dilation, v * dilation + (width - 1) * stride + 1, stride)
            window = padded[:, rows, columns].reshape(-1, height, width, groups, inputs)
            taps = w[u, v].reshape(inputs, groups, outputs // groups)
            total += jnp.einsum("bhwgi,igo->bhwgo", window, taps).reshape(total.shape)
    return total


def conv2d_input_grad(
    dy: ImageLike,
    w: KernelLike,
    input_shape: Sequence[int],
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
    groups: int = 1,
) -> Image:
    """dL/dx: the full correlation of dL/dy with the flipped kernel, whose inputs and outputs change places.

    s - 1 zeros go between the entries of dL/dy, since a stride of s reads only every s-th place.
    """
    kh, kw, inputs, outputs = w.shape
    zeros, output = geometry(input_shape, w.shape, stride, padding, dilation, groups)
    _check_gradient(dy, (input_shape[0], *output, outputs))
    around = []
    for size, k, (low, high), count in zip(input_shape[1:3], (kh, kw), zeros, output, strict=True):
        before = (k - 1) * dilation - low
        after = (size + low + high - (count - 1) * stride - 1) - high
        around.append((before, after, stride - 1))
    dy = jnp.asarray(dy)
    spread = lax.pad(dy, jnp.zeros((), dy.dtype), [(0, 0, 0), *around, (0, 0, 0)])
    flipped = w[::-1, ::-1].reshape(kh, kw, inputs, groups, outputs // groups)
    swapped = flipped.transpose(0, 1, 4, 3, 2).reshape(kh, kw, outputs // groups, groups * inputs)
    return conv2d(spread, swapped, 1, "VALID", dilation, groups)


def conv2d_kernel_grad(
    x: ImageLike,
    dy: ImageLike,
    kernel_shape: Sequence[int],
    stride: int = 1,
    padding: Padding = "SAME",
    dilation: int = 1,
    groups: int = 1,
) -> Kernel:
    """dL/dw[u, v, c, o] = sum over b, i, j of x~[b, i s + u d, j s + v d, c] dL/dy[b, i, j, o].

    That is a correlation of the input with dL/dy as its kernel: examples take the place of channels, and stride
    and dilation change places.
    """
    kh, kw, inputs, outputs = kernel_shape
    zeros, output = geometry(x.shape, kernel_shape, stride, padding, dilation, groups)
    _check_gradient(dy, (x.shape[0], *output, outputs))
    padded = jnp.pad(x, ((0, 0), *zeros, (0, 0)))
    batch, height, width, _ = padded.shape
    by_channel = padded.reshape(batch, height, width, groups, inputs).transpose(4, 1, 2, 3, 0)
    images = by_channel.reshape(inputs, height, width, groups * batch)
    taps = conv2d(images, dy.transpose(1, 2, 0, 3), dilation, "VALID", stride, groups)
    return taps[:, :kh, :kw].transpose(1, 2, 0, 3)


def _check_gradient(dy: ImageLike, shape: Sequence[int]) -> None:
    if dy.shape != tuple(shape):
        raise ValueError(f"the output gradient has shape {dy.shape}, the output {tuple(shape)}")
