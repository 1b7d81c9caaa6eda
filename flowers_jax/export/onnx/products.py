"""Primitives of JAX that slide a window over an image or multiply matrices."""

import string
from typing import Any

import numpy as np

from flowers_jax.export.onnx.axes import input_shape, output_shape
from flowers_jax.export.onnx.elementwise import apply, dtype_of
from flowers_jax.export.onnx.graph import Graph, Order, Tensor, UnsupportedError, Value, natural
from flowers_jax.export.onnx.primitives import writes


@writes("conv_general_dilated")
def convolution(graph: Graph, equation: Any, x: Value, kernel: Value) -> Tensor:
    """`conv_general_dilated`: Conv."""
    parameters = equation.params
    numbers, padding = parameters["dimension_numbers"], parameters["padding"]
    if any(step != 1 for step in parameters["lhs_dilation"]) or parameters["batch_group_count"] != 1:
        raise UnsupportedError("conv_general_dilated with lhs_dilation or batch_group_count is not written")
    x, _ = _factor(graph, equation.invars[0], x, ())
    kernel, _ = _factor(graph, equation.invars[1], kernel, ())
    return graph.tensor(
        "Conv",
        [graph.name(x, tuple(numbers.lhs_spec)), graph.name(kernel, tuple(numbers.rhs_spec))],
        output_shape(equation),
        dtype_of(equation),
        tuple(numbers.out_spec),
        strides=list(parameters["window_strides"]),
        dilations=list(parameters["rhs_dilation"]),
        group=parameters["feature_group_count"],
        pads=_pads(padding, natural(len(padding))),
    )


@writes("reduce_window_max")
def max_pool(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`reduce_window_max`: MaxPool, whose padding is below every number too."""
    return _pool(graph, equation, "MaxPool", x)


@writes("reduce_window_sum")
def sum_pool(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`reduce_window_sum`: AveragePool with the padding counted, times the size of the window."""
    if any(step != 1 for step in equation.params["window_dilation"]):
        raise UnsupportedError("reduce_window_sum with window_dilation is not written")
    mean = _pool(graph, equation, "AveragePool", x, count_include_pad=1)
    count = np.array(np.prod(equation.params["window_dimensions"]), mean.dtype)
    return apply(graph, "Mul", mean, count, dtype=mean.dtype)


def _pool(graph: Graph, equation: Any, operator: str, x: Value, **attributes: Any) -> Tensor:
    """ONNX's pools slide over all dimensions but the first two."""
    parameters = equation.params
    window, steps, padding = (parameters[key] for key in ("window_dimensions", "window_strides", "padding"))
    whole = [axis for axis, size in enumerate(window) if (size, steps[axis], *padding[axis]) == (1, 1, 0, 0)]
    if len(whole) < 2 or any(step != 1 for step in parameters["base_dilation"]):
        what = f"{equation.primitive.name} over {window}"
        raise UnsupportedError(f"{what} is written only where two axes are not pooled, and without base_dilation")
    x = graph.as_tensor(x, input_shape(equation))
    order = x.order
    if not set(order[:2]) <= set(whole):
        first = (whole[0], whole[-1])
        order = (*first, *(axis for axis in range(len(window)) if axis not in first))
    attributes |= {"kernel_shape": [window[axis] for axis in order[2:]], "strides": [steps[axis] for axis in order[2:]]}
    attributes |= {"pads": _pads(padding, order[2:])}
    if operator == "MaxPool":
        attributes["dilations"] = [parameters["window_dilation"][axis] for axis in order[2:]]
    return graph.tensor(operator, [graph.name(x, order)], output_shape(equation), x.dtype, order, **attributes)


def _pads(padding: Any, axes: Order) -> list[int]:
    """JAX's pairs of each axis as ONNX has them: what is before each, then what is after each."""
    pads = [padding[axis][side] for side in (0, 1) for axis in axes]
    if min(pads, default=0) < 0:
        raise UnsupportedError(f"a window with the negative padding {padding} is not written")
    return pads


@writes("dot_general")
def dot(graph: Graph, equation: Any, x: Value, y: Value) -> Tensor:
    """`dot_general`: MatMul for products of matrices, or of batches of them; else Einsum."""
    (x_sum, y_sum), (x_batch, y_batch) = equation.params["dimension_numbers"]
    x, x_free = _factor(graph, equation.invars[0], x, (*x_sum, *x_batch))
    y, y_free = _factor(graph, equation.invars[1], y, (*y_sum, *y_batch))
    result = output_shape(equation), dtype_of(equation), natural(len(output_shape(equation)))
    left = graph.name(x, (*x_batch, *x_free, *x_sum))
    if len(x_sum) == len(y_free) == 1 and (len(x_free) == 1 or not x_batch):
        return graph.tensor("MatMul", [left, graph.name(y, (*y_batch, *y_sum, *y_free))], *result)
    letters = iter(string.ascii_letters)
    batch, rows, columns, summed = ("".join(next(letters) for _ in axes) for axes in (x_batch, x_free, y_free, x_sum))
    terms = f"{batch}{rows}{summed},{batch}{columns}{summed}->{batch}{rows}{columns}"
    right = graph.name(y, (*y_batch, *y_free, *y_sum))
    return graph.tensor("Einsum", [left, right], *result, equation=terms)


def _factor(graph: Graph, atom: Any, value: Value, used: Order) -> tuple[Value, Order]:
    """A factor with its sizes, and the axes that the product has too."""
    shape = atom.aval.shape
    whole = graph.as_tensor(value, shape) if value.shape != shape else value
    return whole, tuple(axis for axis in natural(len(shape)) if axis not in used)
