"""Lesson 2: a kernel of 1x1 mixes channels, and treats each position separately."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from flowers_jax import ops
from flowers_jax.lessons.plane import number, products, rows

Shape = tuple[int, ...]
Values = Float32[np.ndarray, "..."]

SCALED = np.arange(36, dtype=np.float32).reshape(6, 6)
FACTOR = 2
PIXEL, FILTER = np.array([1, 2, 3], np.float32), np.array([4, -1, 2], np.float32)
IMAGE, REDUCED = (1, 28, 28, 192), 16
"""The 5x5 branch of GoogLeNet's block 3a: 192 channels, reduced to 16, then 32."""


def lines() -> list[str]:
    """The lesson's text, line by line."""
    return [
        "2. 1x1 convolution",
        "",
        f"One channel and one filter: pure scaling. 6x6x1 times a filter of the one number {FACTOR}:",
        *(f"{left}  ->  {right}" for left, right in zip(rows(SCALED), rows(scaled()), strict=True)),
        "",
        "With channels the filter is a weighted sum over the channels of one pixel, like a unit of a dense layer:",
        f"{rows(PIXEL[None])[0]} by the filter {rows(FILTER[None])[0]}: {products(PIXEL, FILTER)}",
        "",
        *_channels(),
        "",
        *_bottleneck(),
        "",
        *_dense_as_convolution(),
    ]


def scaled() -> Float32[np.ndarray, "6 6"]:
    kernel = jnp.full((1, 1, 1, 1), FACTOR, jnp.float32)
    return np.asarray(ops.conv2d(SCALED[None, :, :, None], kernel))[0, :, :, 0]


class Cost(NamedTuple):
    """One convolution with padding SAME, [B, H, W, I] by [kh, kw, I, O], and its cost for one image."""

    kernel: Shape
    output: Shape
    formula: str
    multiply_adds: int


def costs() -> list[Cost]:
    """The costs of 5x5 from 192 to 32 channels, and of the 1x1 and the 5x5 that go through 16 channels."""
    channels, outputs = IMAGE[3], 32
    small = (*IMAGE[:3], REDUCED)
    return [
        _cost(IMAGE, (5, 5, channels, outputs)),
        _cost(IMAGE, (1, 1, channels, REDUCED)),
        _cost(small, (5, 5, REDUCED, outputs)),
    ]


def _cost(image: Shape, kernel: Shape) -> Cost:
    x, w = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in (image, kernel))
    output = jax.eval_shape(ops.conv2d, x, w).shape
    _, height, width, _ = output
    formula = f"{height}*{width} * {'*'.join(map(str, kernel))}"
    return Cost(kernel, output, formula, height * width * math.prod(kernel))


def _channels() -> list[str]:
    x, reduce, mix = _integers(1, 6, 6, 32), _integers(32, 5), _integers(32, 32)
    pixels = x.reshape(36, 32)
    reduced, mixed = _one_by_one(x, reduce), jax.nn.relu(_one_by_one(x, mix))
    image = _times(x.shape[1:])
    perceptron = jax.nn.relu(pixels @ mix)
    return [
        f"{image} by 5 filters of 1x1x32 -> {_times(reduced.shape[1:])}: fewer channels, as many positions",
        f"32*5 + 5 = {reduce.size + 5} parameters, biases included",
        "largest difference from a dense layer run at each of the 36 pixels: " + _difference(reduced, pixels @ reduce),
        "",
        f"As many filters as channels, {image} -> {_times(mixed.shape[1:])}, then ReLU: network in network,",
        "a small perceptron that is applied at each pixel",
        f"largest difference from the perceptron at each pixel: {_difference(mixed, perceptron)}",
    ]


def _bottleneck() -> list[str]:
    direct, reduce, then = costs()
    total = reduce.multiply_adds + then.multiply_adds
    written = [f"{_times(cost.kernel)} -> {_times(cost.output[1:])}: {_product(cost)}" for cost in costs()]
    return [
        f"Multiply-adds from {_times(IMAGE[1:])} to {_times(direct.output[1:])}, kernels [kh, kw, inputs, outputs].",
        f"Directly, {written[0]}",
        f"Through {REDUCED} channels, {written[1]}",
        f"and then {written[2]}",
        f"together {total:,}, which is {total / direct.multiply_adds:.1%} of the direct convolution",
    ]


def _dense_as_convolution() -> list[str]:
    x, w = _integers(1, 7, 7, 32), _integers(7 * 7 * 32, 5)
    dense = x.reshape(1, -1) @ w
    kernel = w.reshape(7, 7, 32, 5)
    convolved = ops.conv2d(x, kernel, 1, "VALID")
    larger = ops.conv2d(_integers(1, 9, 9, 32), kernel, 1, "VALID")
    return [
        f"A dense layer is a convolution with a kernel as large as the image. {_times(x.shape[1:])} = {x.size} inputs,",
        f"5 outputs, kernel {_times(kernel.shape)}, padding VALID -> {_times(convolved.shape[1:])}",
        f"largest difference from the dense layer: {_difference(convolved, dense)}",
        f"on a larger image the same kernel gives an output at each position: 9x9x32 -> {_times(larger.shape[1:])}",
    ]


def _one_by_one(x: Values, w: Values) -> Array:
    return ops.conv2d(x, w[None, None])


def _integers(*shape: int) -> Values:
    """Small whole numbers; float32 holds their sums exactly, in any order."""
    return np.random.default_rng(len(shape)).integers(-3, 4, shape).astype(np.float32)


def _difference(a: Array, b: Array | Values) -> str:
    return number(float(jnp.abs(a.reshape(b.shape) - b).max()))


def _product(cost: Cost) -> str:
    return f"{cost.formula} = {cost.multiply_adds:,}"


def _times(shape: Shape) -> str:
    return "x".join(map(str, shape))
