"""Primitives of JAX that move numbers and compute none: shapes, axes, padding, parts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from flowers_jax.export.onnx.elementwise import apply, dtype_of
from flowers_jax.export.onnx.graph import Graph, Order, Shape, Tensor, UnsupportedError, Value, natural, preferred
from flowers_jax.export.onnx.primitives import writes


def without(order: Order, axes: Sequence[int]) -> Order:
    """The order of the axes that stay, which are numbered anew."""
    stay = sorted(set(order) - set(axes))
    return tuple(stay.index(axis) for axis in order if axis in stay)


def input_shape(equation: Any) -> Shape:
    """Of the first input, as JAX has it."""
    return equation.invars[0].aval.shape


def output_shape(equation: Any) -> Shape:
    """Of the first output, as JAX has it."""
    return equation.outvars[0].aval.shape


@writes("optimization_barrier")
def barrier(graph: Graph, equation: Any, *inputs: Value) -> list[Value]:  # noqa: ARG001
    """`optimization_barrier`: nothing. It is an advice to XLA."""
    return list(inputs)


@writes("copy", "stop_gradient", "reduce_precision")
def same_value(graph: Graph, equation: Any, x: Value) -> Value:  # noqa: ARG001
    """`copy`, `stop_gradient`: nothing; nor `reduce_precision`, without which a value is more exact."""
    return x


@writes("dim_as_value")
def dim_as_value(graph: Graph, equation: Any) -> Tensor:
    """`dim_as_value`, the size of the batch as a number: Shape."""
    size = graph.node("Squeeze", [graph.sizes([equation.params["dim"]])])
    return apply(graph, "Cast", Tensor(size, (), np.dtype(np.int64), ()), dtype=np.int32, to=TensorProto.INT32)


@writes("broadcast_in_dim")
def broadcast_in_dim(graph: Graph, equation: Any, x: Value, *_: Value) -> Value:
    """`broadcast_in_dim`: Unsqueeze. The new axes have size 1, and whoever reads the value broadcasts it."""
    axes, rank = equation.params["broadcast_dimensions"], len(equation.params["shape"])
    shape = [1] * rank
    for axis, size in zip(axes, x.shape, strict=True):
        shape[axis] = size
    if isinstance(x, np.ndarray):
        return x.reshape(shape)
    old = tuple(axes[axis] for axis in x.order)
    order = preferred(rank)
    if tuple(axis for axis in order if axis in axes) != old:
        order = natural(rank)
    if new := [place for place, axis in enumerate(order) if axis not in axes]:
        name = graph.name(x, tuple(axes.index(axis) for axis in order if axis in axes))
        return graph.tensor("Unsqueeze", [name, graph.constant(new, np.int64)], tuple(shape), x.dtype, order)
    return x


@writes("squeeze")
def squeeze(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`squeeze`: Squeeze."""
    return _squeezed(graph, graph.as_tensor(x), equation.params["dimensions"])


@writes("transpose")
def transpose(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`transpose`: nothing. The dimensions stay where they are, and their axes have new numbers."""
    x, permutation = graph.as_tensor(x), equation.params["permutation"]
    order = tuple(permutation.index(axis) for axis in x.order)
    return Tensor(x.name, tuple(x.shape[axis] for axis in permutation), x.dtype, order)


@writes("reshape")
def reshape(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`reshape`: Reshape in JAX's order of the axes."""
    if equation.params["dimensions"] is not None:
        raise UnsupportedError("reshape with dimensions is not written")
    x, shape = graph.as_tensor(x, input_shape(equation)), output_shape(equation)
    symbolic = [size for size in shape if not isinstance(size, int)]
    if len(symbolic) > 1:
        raise UnsupportedError(f"reshape to {shape}, of which two sizes follow from the batch, is not written")
    sizes = graph.constant([size if isinstance(size, int) else -1 for size in shape], np.int64)
    order = natural(len(shape))
    return graph.tensor("Reshape", [graph.name(x, natural(len(x.shape))), sizes], shape, x.dtype, order)


@writes("concatenate")
def concatenate(graph: Graph, equation: Any, *inputs: Value) -> Tensor:
    """`concatenate`: Concat."""
    pairs = zip(inputs, equation.invars, strict=True)
    parts = [graph.as_tensor(value, atom.aval.shape) for value, atom in pairs]
    order = next((part.order for part, value in zip(parts, inputs, strict=True) if part is value), parts[0].order)
    axis = order.index(equation.params["dimension"])
    names = [graph.name(part, order) for part in parts]
    return graph.tensor("Concat", names, output_shape(equation), dtype_of(equation), order, axis=axis)


@writes("pad")
def pad(graph: Graph, equation: Any, x: Value, fill: Value) -> Tensor:
    """`pad` without padding between the numbers: Pad."""
    x, config = graph.as_tensor(x, input_shape(equation)), equation.params["padding_config"]
    if any(between for _, _, between in config):
        raise UnsupportedError(f"pad with {config}, which pads between the numbers, is not written")
    pads = [config[axis][side] for side in (0, 1) for axis in x.order]
    names = [x.name, graph.constant(pads, np.int64), graph.name(fill, ())]
    return graph.tensor("Pad", names, output_shape(equation), x.dtype, x.order)


@writes("slice")
def slice_(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`slice`: Slice."""
    first, last, steps = (equation.params[key] for key in ("start_indices", "limit_indices", "strides"))
    x = graph.as_tensor(x, input_shape(equation))
    return _part(graph, x, first, last, steps or [1] * len(first), output_shape(equation))


@writes("dynamic_slice")
def dynamic_slice(graph: Graph, equation: Any, x: Value, *starts: Value) -> Tensor:
    """`dynamic_slice` from places that are constant: Slice; as in JAX a part beyond the end begins earlier."""
    shape, sizes = input_shape(equation), equation.params["slice_sizes"]
    places = [int(start) for start in starts if isinstance(start, np.ndarray)]
    if len(places) < len(starts):
        raise UnsupportedError("dynamic_slice from computed places is not written")
    triples = zip(places, shape, sizes, strict=True)
    first = [0 if whole == size else min(max(start, 0), whole - size) for start, whole, size in triples]
    return _block(graph, graph.as_tensor(x, shape), first, sizes)


@writes("split")
def split(graph: Graph, equation: Any, x: Value) -> list[Value]:
    """`split`: a Slice for each part."""
    axis, sizes = equation.params["axis"], equation.params["sizes"]
    x = graph.as_tensor(x, input_shape(equation))
    place, ends = x.order.index(axis), np.cumsum(sizes)
    return [
        _slice(graph, x, [place], [end - size], [end], [1], output.aval.shape)
        for end, size, output in zip(ends, sizes, equation.outvars, strict=True)
    ]


@writes("rev")
def reverse(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`rev`: Slice with steps of -1."""
    x = graph.as_tensor(x, input_shape(equation))
    places = [x.order.index(axis) for axis in equation.params["dimensions"]]
    count = len(places)
    return _slice(graph, x, places, [-1] * count, [np.iinfo(np.int64).min] * count, [-1] * count, x.shape)


@writes("gather")
def gather(graph: Graph, equation: Any, x: Value, indices: Value) -> Tensor:
    """`gather` at constant places: Slice and Squeeze for one part, as `x[:, 2:4]`; else Gather along one axis."""
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    shape, axes, gone = input_shape(equation), numbers.start_index_map, numbers.collapsed_slice_dims
    x = graph.as_tensor(x, shape)
    if isinstance(indices, np.ndarray) and _within(indices, axes, sizes, shape):
        if indices.ndim == 1:
            first = [0] * len(shape)
            for axis, index in zip(axes, indices, strict=True):
                first[axis] = int(index)
            return _squeezed(graph, _block(graph, x, first, sizes), gone)
        new = range(axes[0], axes[0] + indices.ndim - 1)
        other = tuple(axis for axis in range(len(output_shape(equation))) if axis not in new)
        if len(axes) == 1 and gone == axes and numbers.offset_dims == other and not numbers.operand_batching_dims:
            names = [graph.name(x, natural(len(shape))), graph.constant(indices[..., 0], np.int64)]
            order = natural(len(output_shape(equation)))
            return graph.tensor("Gather", names, output_shape(equation), x.dtype, order, axis=axes[0])
    raise UnsupportedError(f"gather from {shape} is not written, but along one axis at constant places within it")


def _within(indices: np.ndarray, axes: Sequence[int], sizes: Shape, shape: Shape) -> bool:
    """Whether the parts that begin at `indices` [..., axes] are within the array, and whole along other axes."""
    if any(sizes[axis] != size for axis, size in enumerate(shape) if axis not in axes):
        return False
    last = [shape[axis] - sizes[axis] for axis in axes]
    return bool(np.all((indices >= 0) & (indices <= last)))


def _squeezed(graph: Graph, x: Tensor, gone: Sequence[int]) -> Tensor:
    if not gone:
        return x
    places = graph.constant([x.order.index(axis) for axis in gone], np.int64)
    shape = tuple(size for axis, size in enumerate(x.shape) if axis not in gone)
    return graph.tensor("Squeeze", [x.name, places], shape, x.dtype, without(x.order, gone))


def _block(graph: Graph, x: Tensor, first: Sequence[int], sizes: Shape) -> Tensor:
    """The part of these sizes that begins at `first`."""
    last = [start + size for start, size in zip(first, sizes, strict=True)]
    return _part(graph, x, first, last, [1] * len(first), tuple(sizes))


def _part(graph: Graph, x: Tensor, first: Any, last: Any, steps: Any, shape: Shape) -> Tensor:
    """A Slice along the axes that are not taken whole."""
    bounds = list(zip(first, last, steps, strict=True))
    cut = [axis for axis, bound in enumerate(bounds) if bound != (0, x.shape[axis], 1)]
    if not cut:
        return x
    first, last, steps = ([numbers[axis] for axis in cut] for numbers in (first, last, steps))
    return _slice(graph, x, [x.order.index(axis) for axis in cut], first, last, steps, shape)


def _slice(
    graph: Graph, x: Tensor, places: list[int], first: list[Any], last: list[Any], steps: list[Any], shape: Shape
) -> Tensor:
    """ONNX's Slice along its own dimensions."""
    names = [graph.constant(numbers, np.int64) for numbers in (first, last, places, steps)]
    return graph.tensor("Slice", [x.name, *names], shape, x.dtype, x.order)
