"""Ways to run the 3x3 convolutions of the CNN on a CPU that were tried, in milliseconds: prints a table.

python -m benchmarks.convolution [SECONDS] [ONEDNN]

ONEDNN is a folder with that library, as `benchmarks.onednn` wants it; without it its rows are left out.
The first of each kind is XLA's own. The last figure is the largest difference from it, for outputs of a standard
deviation of 1. docs/convolution.md has the table and what follows from it.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from benchmarks import onednn
from benchmarks.program import median_seconds
from flowers_jax.ops.geometry import Zeros, geometry
from flowers_jax.ops.image_conv import columns
from flowers_jax.ops.windows import pad, views
from flowers_jax.ops.winograd import winograd_conv
from flowers_jax.ops.xla import xla_conv
from flowers_jax.runtime.compilation import options

Image = Float[Array, "b h w c"]
Kernel = Float[Array, "kh kw i o"]

BATCH = 32
SHAPES = ((32, 32, 32, 1), (32, 32, 64, 2), (16, 64, 64, 1), (16, 64, 128, 2), (8, 128, 128, 1))
"""Height and width, input channels, output channels, stride."""


def winograd(x: Image, kernel: Kernel, stride: int, zeros: Zeros) -> Image:
    """What the models run where there are enough channels."""
    if stride > 1:
        raise NotImplementedError
    return winograd_conv(x, kernel, zeros)


def in_blocks(x: Image, kernel: Kernel, stride: int, zeros: Zeros) -> Image:
    """Channels in blocks of 16, [blocks, B, H, W, 16], each a convolution of its own."""
    blocks = jnp.moveaxis(x.reshape(*x.shape[:3], -1, 16), 3, 0)
    kernels = jnp.moveaxis(kernel.reshape(3, 3, -1, 16, kernel.shape[3]), 2, 0)
    pairs = zip(lax.optimization_barrier(blocks), kernels, strict=True)
    return sum(xla_conv(block, part, stride, zeros) for block, part in pairs)  # type: ignore[return-value]


def unfolded(x: Image, kernel: Kernel, stride: int, zeros: Zeros) -> Image:
    """A matrix product over the input windows."""
    seen = columns(x, (3, 3), stride, zeros)
    return (pixels(seen) @ kernel.reshape(-1, kernel.shape[3])).reshape(*seen.shape[:3], -1)


def xla_gradient(x: Image, dy: Image, stride: int, zeros: Zeros) -> Kernel:
    """As JAX has it: a convolution whose features are the batch, between two transpositions."""
    kernel = jnp.zeros((3, 3, x.shape[3], dy.shape[3]))
    return jax.linear_transpose(lambda kernel: xla_conv(x, kernel, stride, zeros), kernel)(dy)[0]


def batch_as_depth(x: Image, dy: Image, stride: int, zeros: Zeros) -> Kernel:
    """A convolution in three dimensions, of which the batch is the first: no batch has to become the last axis."""
    gradient = lax.conv_general_dilated(
        x.transpose(3, 0, 1, 2)[..., None], dy[:, :, :, None], (1, 1, 1), ((0, 0), *zeros),
        rhs_dilation=(1, stride, stride), dimension_numbers=("NDHWC", "DHWIO", "NDHWC"),
    )  # fmt: skip
    return gradient[:, 0, :3, :3].transpose(1, 2, 0, 3)


def nine_products(x: Image, dy: Image, stride: int, zeros: Zeros) -> Kernel:
    """A matrix product for each place of the kernel."""
    seen = views(x, (3, 3), stride, zeros)
    parts = [pixels(lax.optimization_barrier(view)).T @ pixels(dy) for view in seen]
    return jnp.stack(parts).reshape(3, 3, x.shape[3], -1)


def unfolded_gradient(x: Image, dy: Image, stride: int, zeros: Zeros) -> Kernel:
    """One matrix product with the input windows."""
    return (pixels(columns(x, (3, 3), stride, zeros)).T @ pixels(dy)).reshape(3, 3, x.shape[3], -1)


def unfolded_rows(x: Image, dy: Image, stride: int, zeros: Zeros) -> Kernel:
    """A matrix product for each row of the kernel, with the input windows of that row."""
    padded, (height, width) = pad(x, zeros), dy.shape[1:3]
    columns_of = (padded[:, :, v : v + (width - 1) * stride + 1 : stride] for v in range(3))
    wide = lax.optimization_barrier(jnp.concatenate(list(columns_of), axis=3))
    rows_of = (wide[:, u : u + (height - 1) * stride + 1 : stride] for u in range(3))
    return jnp.stack([pixels(row).T @ pixels(dy) for row in rows_of]).reshape(3, 3, x.shape[3], -1)


def in_turn(gradient: Callable[..., Kernel], images: int, x: Image, dy: Image, *static: object) -> Kernel:
    """The sum of the gradients of a few images at a time."""

    def add(total: Kernel, few: tuple[Image, Image]) -> tuple[Kernel, None]:
        return total + gradient(*few, *static), None

    groups = x.reshape(-1, images, *x.shape[1:]), dy.reshape(-1, images, *dy.shape[1:])
    return lax.scan(add, jnp.zeros((3, 3, x.shape[3], dy.shape[3])), groups)[0]


def pixels(x: Image) -> Float[Array, "pixels channels"]:
    return x.reshape(-1, x.shape[3])


FORWARD = {"XLA": xla_conv, "Winograd F(2x2, 3x3)": winograd, "blocks of 16 channels": in_blocks, "unfolded": unfolded}
KERNEL_GRADIENT = {
    "XLA": xla_gradient,
    "batch as depth": batch_as_depth,
    "nine products": nine_products,
    "unfolded": unfolded_gradient,
    "unfolded, two images": partial(in_turn, unfolded_gradient, 2),
    "unfolded, four images": partial(in_turn, unfolded_gradient, 4),
    "rows unfolded, two images": partial(in_turn, unfolded_rows, 2),
}


def main(seconds: float, library: str = "") -> None:
    if library:
        onednn.register(Path(library))
        FORWARD["oneDNN"], KERNEL_GRADIENT["oneDNN"] = onednn.conv, onednn.kernel_grad
    print(f"jax {jax.__version__}, {jax.default_backend()}, float32, batches of {BATCH}; ms, largest difference")
    for size, inputs, outputs, stride in SHAPES:
        zeros, room = geometry((BATCH, size, size, inputs), (3, 3, inputs, outputs), stride, "SAME")
        keys = jax.random.split(jax.random.key(0), 3)
        x = jax.random.normal(keys[0], (BATCH, size, size, inputs))
        kernel = jax.random.normal(keys[1], (3, 3, inputs, outputs)) / (9 * inputs) ** 0.5
        dy = jax.random.normal(keys[2], (BATCH, *room, outputs)) / (BATCH * room[0] * room[1]) ** 0.5
        print(f"{size}x{size}x{inputs} to {outputs}, stride {stride}")
        compare("forward", FORWARD, (x, kernel), stride, zeros, seconds)
        compare("kernel gradient", KERNEL_GRADIENT, (x, dy), stride, zeros, seconds)


def compare(
    what: str, ways: dict[str, Callable], arrays: Sequence[Array], stride: int, zeros: Zeros, seconds: float
) -> None:
    """A line for each way; a way that has no such stride is left out."""
    expected = None
    for name, way in ways.items():
        run = jax.jit(
            lambda *arrays, way=way: way(*arrays, stride, zeros), compiler_options=options(jax.default_backend())
        )
        try:
            result = run(*arrays)
        except NotImplementedError:
            continue
        expected = result if expected is None else expected
        took = median_seconds(lambda run=run: jax.block_until_ready(run(*arrays)), seconds)
        print(f"  {what}, {name}: {1e3 * took:.2f} ms, {jnp.abs(result - expected).max():.1e}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0, *sys.argv[2:3])
