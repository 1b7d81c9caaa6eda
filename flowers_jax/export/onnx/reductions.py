"""Primitives of JAX that make one number of many: sums, extremes and their places."""

from typing import Any

import numpy as np
from onnx import TensorProto

from flowers_jax.export.onnx.axes import input_shape, output_shape, without
from flowers_jax.export.onnx.elementwise import apply, dtype_of
from flowers_jax.export.onnx.graph import Graph, Tensor, Value
from flowers_jax.export.onnx.primitives import writes

REDUCTIONS = {
    "reduce_sum": "ReduceSum",
    "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin",
    "reduce_prod": "ReduceProd",
}


@writes(*REDUCTIONS)
def reduce(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`REDUCTIONS`."""
    return _reduced(graph, equation, REDUCTIONS[equation.primitive.name], graph.as_tensor(x, input_shape(equation)))


@writes("reduce_and", "reduce_or")
def reduce_logic(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`reduce_and`, `reduce_or` of truth values: ReduceMin, ReduceMax of 0 and 1."""
    operator = "ReduceMin" if equation.primitive.name == "reduce_and" else "ReduceMax"
    x = graph.as_tensor(x, input_shape(equation))
    numbers = apply(graph, "Cast", x, dtype=np.int32, to=TensorProto.INT32)
    return apply(graph, "Cast", _reduced(graph, equation, operator, numbers), dtype=bool, to=TensorProto.BOOL)


@writes("argmax", "argmin")
def arg(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`argmax`, `argmin`: ArgMax, ArgMin, which also give the first place."""
    (axis,), x = equation.params["axes"], graph.as_tensor(x, input_shape(equation))
    operator = "ArgMax" if equation.primitive.name == "argmax" else "ArgMin"
    place = graph.node(operator, [x.name], axis=x.order.index(axis), keepdims=0)
    places = Tensor(place, output_shape(equation), np.dtype(np.int64), without(x.order, [axis]))
    return apply(graph, "Cast", places, dtype=dtype_of(equation), to=TensorProto.INT32)


def _reduced(graph: Graph, equation: Any, operator: str, x: Tensor) -> Tensor:
    axes = equation.params["axes"]
    places = graph.constant([x.order.index(axis) for axis in axes], np.int64)
    order = without(x.order, axes)
    return graph.tensor(operator, [x.name, places], output_shape(equation), x.dtype, order, keepdims=0)
