"""The layers of a model as a table: Keras's `model.summary()` with multiply-adds."""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.module import InterceptorContext

from flowers_jax.models.layers import Layer
from flowers_jax.models.mobilenet_v2_layout import is_frozen


class Row(NamedTuple):
    """One layer.

    Attributes:
        output: its shape without the batch.
        parameters: what gradients reach: kernels, biases, BatchNorm's scales.
        statistics: the means and variances that BatchNorm keeps.
        multiply_adds: for one photograph: each number of the kernel once for every place that the layer writes.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    statistics: int
    multiply_adds: int


def layers(module: nn.Module, size: int) -> list[Row]:
    """In the order of execution, for a photograph [size, size, 3]. From shapes alone: nothing is computed."""
    rows: list[Row] = []

    def record(call: Any, args: Any, kwargs: Any, context: InterceptorContext) -> Any:
        output = call(*args, **kwargs)
        variables = context.module.variables
        is_leaf = not any(isinstance(value, Mapping) for value in variables.get("params", {}).values())
        if context.method_name == "__call__" and is_leaf:
            rows.append(_row(context.module, variables, output.shape[1:]))
        return output

    with nn.intercept_methods(record):
        jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, size, size, 3)))
    return rows


def _row(module: nn.Module, variables: Mapping[str, Any], output: tuple[int, ...]) -> Row:
    parameters, statistics = variables.get("params", {}), variables.get("batch_stats", {})
    return Row(
        name="/".join(module.path),
        kind=_kind(module, parameters),
        output=output,
        parameters=sum(leaf.size for leaf in parameters.values()),
        statistics=sum(leaf.size for leaf in statistics.values()),
        multiply_adds=parameters["kernel"].size * math.prod(output[:-1]) if parameters else 0,
    )


def _kind(module: nn.Module, parameters: Mapping[str, Any]) -> str:
    if isinstance(module, Layer):
        function = module.function.func if isinstance(module.function, partial) else module.function
        return function.__name__
    if not parameters or parameters["kernel"].ndim < 4:
        return type(module).__name__
    height, width, *_ = parameters["kernel"].shape
    return f"{type(module).__name__} {height}x{width}" + (f" /{module.stride}" if module.stride > 1 else "")  # type: ignore[attr-defined]


def text(rows: Sequence[Row], frozen: Collection[str] = ()) -> str:
    """The table and its totals.

    Args:
        frozen: the paths below which parameters do not train.
    """
    cells = [("name", "layer", "output", "parameters", "multiply-adds")]
    for row in rows:
        shape = "x".join(map(str, row.output))
        cells.append((row.name, row.kind, shape, f"{row.parameters:,}", f"{row.multiply_adds:,}"))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<>>>", widths, strict=True))
    head, *body = (form.format(*line) for line in cells)
    rule = "-" * len(head)
    return "\n".join([head, rule, *body, rule, *_totals(rows, frozen)])


def _totals(rows: Sequence[Row], frozen: Collection[str]) -> list[str]:
    parameters, statistics = sum(row.parameters for row in rows), sum(row.statistics for row in rows)
    trainable = sum(row.parameters for row in rows if not is_frozen(row.name, frozen))
    megabytes = (parameters + statistics) * 4 / 1e6
    return [
        f"{parameters:,} parameters and {statistics:,} BatchNorm statistics: {megabytes:.3g} MB in float32",
        f"{trainable:,} of the parameters train, {parameters - trainable:,} are frozen",
        f"{sum(row.multiply_adds for row in rows):,} multiply-adds a photograph",
    ]
