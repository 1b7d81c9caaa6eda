"""The layers of a model as a table: Keras's `model.summary()` with multiply-adds."""

import math
from collections.abc import Collection, Mapping, Sequence, Set
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from flax import traverse_util
from flax.linen.module import InterceptorContext

from flowers_jax.models.groups import is_below
from flowers_jax.models.initial import shapes
from flowers_jax.models.layers import Layer


class Row(NamedTuple):
    """One layer.

    Attributes:
        output: its shape without the batch.
        parameters: what gradients reach: kernels, biases, BatchNorm's scales.
        statistics: the means and variances that BatchNorm keeps.
        multiply_adds: for one photograph: each number of the kernel once for every place that the layer writes; 0
            without a kernel.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    statistics: int
    multiply_adds: int


class Call(NamedTuple):
    """One call of a module: its place in the model, and the output's shape without the batch, () of no single array."""

    module: nn.Module
    path: tuple[str, ...]
    output: tuple[int, ...]


def layers(module: nn.Module, size: int) -> list[Row]:
    """In the order of execution, for a photograph [size, size, 3]. From shapes alone: nothing is computed.

    A row for each module that calls no other, and for each that has parameters or statistics of its own. A module that
    is called again has its parameters in the first row only.
    """
    calls: list[Call] = []

    def record(call: Any, args: Any, kwargs: Any, context: InterceptorContext) -> Any:
        output = call(*args, **kwargs)
        if context.method_name == "__call__":
            calls.append(Call(context.module, context.module.path, tuple(getattr(output, "shape", ())[1:])))
        return output

    with nn.intercept_methods(record):
        variables = shapes(module, size)
    paths = {call.path for call in calls}
    parameters, statistics = (_own(nn.unbox(variables.get(name, {})), paths) for name in ("params", "batch_stats"))
    rows: list[Row] = []
    for number, call in enumerate(calls):
        calls_others = any(path[: len(call.path)] == call.path for path in paths - {call.path})
        own, stored = parameters.get(call.path, {}), statistics.get(call.path, {})
        if own or stored or not calls_others:
            is_first = all(call.path != before.path for before in calls[:number])
            rows.append(_row(call, own, stored, is_first))
    return rows


def _own(tree: Mapping[str, Any], paths: Set[tuple[str, ...]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """The leaves of each module, which is the innermost one of `paths` that they lie in."""
    own: dict[tuple[str, ...], dict[str, Any]] = {}
    for path, leaf in traverse_util.flatten_dict(tree).items():
        owner = next(path[:depth] for depth in reversed(range(len(path))) if path[:depth] in paths)
        own.setdefault(owner, {})["/".join(map(str, path[len(owner) :]))] = leaf
    return own


def _row(call: Call, parameters: Mapping[str, Any], statistics: Mapping[str, Any], is_first: bool) -> Row:
    kernel = parameters.get("kernel")
    kernel = kernel if getattr(kernel, "ndim", 0) > 1 else None
    return Row(
        name="/".join(call.path),
        kind=_kind(call.module, kernel),
        output=call.output,
        parameters=sum(leaf.size for leaf in jax.tree.leaves(parameters)) * is_first,
        statistics=sum(leaf.size for leaf in jax.tree.leaves(statistics)) * is_first,
        multiply_adds=0 if kernel is None else kernel.size * _places(call),
    )


def _places(call: Call) -> int:
    """How many the layer writes. The last axis of its output is its channels, or as many as `nn.DenseGeneral` has."""
    features = getattr(call.module, "features", 1)
    return math.prod(call.output[: -len(features) if isinstance(features, Sequence) else -1])


def _kind(module: nn.Module, kernel: Any) -> str:
    if isinstance(module, Layer):
        function = module.function.func if isinstance(module.function, partial) else module.function
        return function.__name__
    if kernel is None or kernel.ndim < 3 or not hasattr(module, "kernel_size"):
        return type(module).__name__
    *window, _, _ = kernel.shape
    stride = getattr(module, "stride", None) or getattr(module, "strides", None) or 1
    strides = tuple(stride) if isinstance(stride, Sequence) else (stride,)
    if len(set(strides)) == 1:
        strides = strides[:1]
    return f"{type(module).__name__} {_times(window)}" + (f" /{_times(strides)}" if strides != (1,) else "")


def _times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def text(rows: Sequence[Row], frozen: Collection[str] = ()) -> str:
    """The table and its totals.

    Args:
        frozen: the paths below which parameters do not train.
    """
    cells = [("name", "layer", "output", "parameters", "multiply-adds")]
    cells += [(row.name, row.kind, _times(row.output), f"{row.parameters:,}", f"{row.multiply_adds:,}") for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    form = "  ".join(f"{{:{side}{width}}}" for side, width in zip("<<>>>", widths, strict=True))
    head, *body = (form.format(*line) for line in cells)
    rule = "-" * len(head)
    return "\n".join([head, rule, *body, rule, *_totals(rows, frozen)])


def _totals(rows: Sequence[Row], frozen: Collection[str]) -> list[str]:
    parameters, statistics = sum(row.parameters for row in rows), sum(row.statistics for row in rows)
    trainable = sum(row.parameters for row in rows if not is_below(row.name, frozen))
    megabytes = (parameters + statistics) * 4 / 1e6
    return [
        f"{parameters:,} parameters and {statistics:,} BatchNorm statistics: {megabytes:.3g} MB in float32",
        f"{trainable:,} of the parameters train, {parameters - trainable:,} are frozen",
        f"{sum(row.multiply_adds for row in rows):,} multiply-adds a photograph",
    ]
