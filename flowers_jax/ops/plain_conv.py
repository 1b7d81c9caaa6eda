"""XLA's convolution with gradients in the form that its CPU backend runs fast everywhere.

JAX writes the gradients as convolutions whose dimensions have changed places. On a CPU XLA puts them back in order, but
not within a loop, where they then take 50 times as long: in `accumulate`, and where one call makes several steps.
Here they are in order from the start. docs/convolution.md has the formulas.
"""

from collections.abc import Sequence
from functools import partial

import jax
from jaxtyping import Array, Float

from flowers_jax.ops.barrier import kept_on_cpu
from flowers_jax.ops.geometry import Zeros
from flowers_jax.ops.windows import window
from flowers_jax.ops.xla import xla_conv

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def plain_conv(x: Image, kernel: Kernel, stride: int, zeros: Zeros, dilation: int = 1) -> Image:
    """[B, H, W, I] x [kh, kw, I, O] -> [B, H', W', O], as `xla_conv`; reverse-mode derivatives only."""
    return xla_conv(x, kernel, stride, zeros, dilation)


def _forward(x: Image, kernel: Kernel, *static) -> tuple[Image, tuple[Image, Kernel]]:
    return plain_conv(x, kernel, *static), (x, kernel)


def _backward(stride: int, zeros: Zeros, dilation: int, saved: tuple[Image, Kernel], dy: Image) -> tuple[Image, Kernel]:
    x, kernel = saved
    dkernel = kernel_grad(x, dy, kernel.shape[:2], stride, zeros, dilation)
    return input_grad(dy, kernel, x.shape[1:3], stride, zeros, dilation), dkernel


plain_conv.defvjp(_forward, _backward)


def input_grad(dy: Image, kernel: Kernel, size: Sequence[int], stride: int, zeros: Zeros, dilation: int = 1) -> Image:
    """dL/dx for images of `size`: [B, H', W', O] x [kh, kw, I, O] -> [B, H, W, I]."""
    reach = [(k - 1) * dilation for k in kernel.shape[:2]]
    befores = [r - low for r, (low, _) in zip(reach, zeros, strict=True)]
    afters = [n - (m - 1) * stride - 1 + low for n, m, (low, _) in zip(size, dy.shape[1:3], zeros, strict=True)]
    rows, columns = ((max(before, 0), max(after, 0)) for before, after in zip(befores, afters, strict=True))
    dx = xla_conv(dy, kernel[::-1, ::-1].swapaxes(2, 3), 1, (rows, columns), dilation, spread=stride)
    # A side with more zeros than the kernel reaches has no border, and too many pixels.
    return window(dx, max(-befores[0], 0), max(-befores[1], 0), size, 1)


def kernel_grad(x: Image, dy: Image, size: Sequence[int], stride: int, zeros: Zeros, dilation: int = 1) -> Kernel:
    """dL/dw for a kernel of `size`: [B, H, W, I] x [B, H', W', O] -> [kh, kw, I, O].

    Examples take the place of channels, and stride and dilation change places.
    """
    (height, rows), (width, columns) = (
        _read((m - 1) * stride + 1 + (k - 1) * dilation, n, low)
        for m, k, n, (low, _) in zip(dy.shape[1:3], size, x.shape[1:3], zeros, strict=True)
    )
    # XLA would compute activations again in transposed order, which takes ten times as long as copying them.
    x, dy = kept_on_cpu((x, dy))
    images = window(x, 0, 0, (height, width), 1).transpose(3, 1, 2, 0)
    dkernel = xla_conv(images, dy.transpose(1, 2, 0, 3), dilation, (rows, columns), stride)
    return dkernel.transpose(1, 2, 0, 3)


def _read(end: int, size: int, low: int) -> tuple[int, tuple[int, int]]:
    """How many pixels of a side the windows read, the last of which ends at `end`, and the zeros around these."""
    before = min(low, end)
    read = min(size, end - before)
    return read, (before, end - before - read)
