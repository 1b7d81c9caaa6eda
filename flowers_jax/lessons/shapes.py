"""Lesson 3: the shapes and parameters of the simplest model, taken from the module itself."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from flowers_jax import ops
from flowers_jax.models import simplest, summary
from flowers_jax.types import Activations, Logits

SIZE, CLASSES = 28, 5
MODULE = simplest.SPEC.module(CLASSES)
WINDOW, STEP = (simplest.max_pool.keywords[key] for key in ("size", "stride"))
TOLERANCE = 1e-5


class Layer(NamedTuple):
    """One row: the shape of the output without the batch, and the parameters, each with its formula."""

    name: str
    output: tuple[int, ...]
    size: str
    count: str
    parameters: int


def layers() -> list[Layer]:
    """The layers of the model for 28x28x3 and five classes, from the shapes alone, without computing the network."""
    kernels = _kernels()
    found, before = [], (SIZE, SIZE, 3)
    for row in summary.layers(MODULE, SIZE):
        size, count = _formulas(row, before, kernels.get(row.name))
        found.append(Layer(row.name, row.output, size, count, row.parameters))
        before = row.output
    return found


def lines() -> list[str]:
    """The lesson's text, line by line."""
    rows = layers()
    total = sum(row.parameters for row in rows)
    cells = [
        ("layer", "output", "its size", "parameters"),
        ("input", f"{SIZE}x{SIZE}x3", "", ""),
        *((row.name, "x".join(map(str, row.output)), row.size, row.count) for row in rows),
        ("all", "", "", " + ".join(f"{row.parameters:,}" for row in rows if row.parameters) + f" = {total:,}"),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    aligned = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )
    return [
        "3. Shapes and parameters",
        "",
        f"{simplest.TITLE[0].upper()}{simplest.TITLE[1:]}, from the module as it is initialised:",
        *aligned,
        "",
        "(height*width*channels + 1)*filters: each filter has a weight for each position of its window, and a bias.",
        "A max-pool and a flatten have nothing to learn.",
        "",
        "Step by step with its parameters, ops.conv2d, the maxima and a matrix product give the module's logits: "
        + ("equal" if np.allclose(*logits(), atol=TOLERANCE) else "different")
        + f" to within {TOLERANCE:g}",
    ]


def logits() -> tuple[Logits, Logits]:
    """[1, 5] for one random image: from the module, and from the definitions of its layers one after the other."""
    x = jax.random.uniform(jax.random.key(0), (1, SIZE, SIZE, 3))
    variables = MODULE.init(jax.random.key(0), x)
    conv_bias, conv_kernel, head_bias, head_kernel = jax.tree.leaves(variables)  # in the order of their names
    y = jax.nn.relu(ops.conv2d(x, conv_kernel, 2, "SAME") + conv_bias)
    y = _max_pool(y).reshape(1, -1)
    return jnp.asarray(MODULE.apply(variables, x)), y @ head_kernel + head_bias


def _max_pool(x: Activations) -> Activations:
    """The maximum of each window: each position in the window gives one candidate."""
    height, width = ((size - WINDOW) // STEP * STEP + 1 for size in x.shape[1:3])
    places = itertools.product(range(WINDOW), repeat=2)
    return functools.reduce(jnp.maximum, (x[:, u : u + height : STEP, v : v + width : STEP] for u, v in places))


def _kernels() -> dict[str, tuple[int, ...]]:
    x = jnp.zeros((1, SIZE, SIZE, 3))
    variables = jax.eval_shape(MODULE.init, jax.random.key(0), x)
    return {name: leaves["kernel"].shape for name, leaves in variables["params"].items()}


def _formulas(row: summary.Row, before: tuple[int, ...], kernel: tuple[int, ...] | None) -> tuple[str, str]:
    """The formulas of the output size and of the parameters, with their numbers."""

    if kernel is None and len(row.output) == 1:
        return f"{'*'.join(map(str, before))} = {row.output[0]}", "0"
    if kernel is None:
        return f"floor(({before[0]} - {WINDOW}) / {STEP}) + 1 = {row.output[0]}", "0"
    *window, outputs = kernel
    count = f"({'*'.join(map(str, window))} + 1)*{outputs} = {row.parameters:,}"
    if len(kernel) == 2:
        return "", count
    stride = before[0] // row.output[0]
    return f"ceil({before[0]} / {stride}) = {row.output[0]}", count
