"""An ONNX graph that is being written, and what a value of JAX is in it.

JAX's images are [B, H, W, C], ONNX's convolutions want [B, C, H, W]. A `Tensor` says which axis of JAX each dimension
of ONNX holds, so that a transposition in JAX costs nothing, and the graph transposes only where an operator needs
another order than the one that is there.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import NodeProto, ValueInfoProto, helper

from flowers_jax.errors import UsageError

Shape = tuple[Any, ...]
"""Sizes: whole numbers, and the symbolic size of a batch."""

Order = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """A value that is known only when the graph runs.

    Attributes:
        shape: its sizes, in the order of JAX's axes. A size of 1 may stand for a larger one: what JAX has broadcast is
            broadcast by the operator that reads it.
        order: the axis of JAX that each dimension of ONNX holds.
    """

    name: str
    shape: Shape
    dtype: Any
    order: Order


Value = Tensor | np.ndarray
"""A constant is an array with JAX's axes."""


class UnsupportedError(UsageError):
    """A program of JAX that this package writes no ONNX for."""

    def __init__(self, what: str):
        super().__init__(f"--format=onnx: {what}; --format=stablehlo takes every model")


class Graph:
    """Nodes and constants of a graph.

    Attributes:
        constants: arrays by name, as ONNX has their dimensions.
        inputs: the inputs of the graph.
        batch: the symbolic size, and how ONNX knows it when it runs: the first size of the first input.
    """

    def __init__(self, batch: Any):
        self.batch, self.inputs = batch, list[ValueInfoProto]()
        self.nodes, self.constants = list[NodeProto](), dict[str, np.ndarray]()
        self._known: dict[Any, str] = {}

    def input(self, name: str, shape: Shape, dtype: Any) -> Tensor:
        """An input of the graph. Images become [B, C, H, W] at once, while they are small."""
        self.inputs.append(value_info(name, shape, dtype))
        tensor = Tensor(name, shape, np.dtype(dtype), natural(len(shape)))
        order = preferred(len(shape))
        return Tensor(self.name(tensor, order), shape, tensor.dtype, order)

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """The name of the output of a node: the one that there is already if it computes the same."""
        node = helper.make_node(operator, inputs, [""], **attributes)
        key = node.SerializeToString(deterministic=True)
        if key not in self._known:
            node.name = node.output[0] = self._known[key] = f"{operator}_{len(self.nodes)}"
            self.nodes.append(node)
        return self._known[key]

    def tensor(
        self, operator: str, inputs: Sequence[str], shape: Shape, dtype: Any, order: Order, **attributes: Any
    ) -> Tensor:
        """The output of a node as a value of JAX."""
        return Tensor(self.node(operator, inputs, **attributes), shape, np.dtype(dtype), order)

    def constant(self, array: Any, dtype: Any = None) -> str:
        """The name of a constant with the dimensions of `array`; equal ones stand in the file once."""
        array = np.ascontiguousarray(array, dtype).reshape(np.shape(array))  # which makes [1] of []
        key = (array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).digest())
        if key not in self._known:
            self._known[key] = f"constant_{len(self.constants)}"
            self.constants[self._known[key]] = array
        return self._known[key]

    def name(self, value: Value, order: Order) -> str:
        """The name of a value with the dimensions in this order."""
        if isinstance(value, np.ndarray):
            return self.constant(value.transpose(order))
        if value.order == order:
            return value.name
        return self.node("Transpose", [value.name], perm=[value.order.index(axis) for axis in order])

    def as_tensor(self, value: Value, shape: Shape | None = None) -> Tensor:
        """A value that an operator reads which does not broadcast it; with `shape` it has these sizes."""
        if isinstance(value, np.ndarray):
            order = preferred(value.ndim)
            value = Tensor(self.name(value, order), value.shape, value.dtype, order)
        if shape is None or value.shape == shape:
            return value
        sizes = self.sizes([shape[axis] for axis in value.order])
        return self.tensor("Expand", [value.name, sizes], shape, value.dtype, value.order)

    def sizes(self, sizes: Sequence[Any]) -> str:
        """The name of int64 [len(sizes)], computed where one of them is the size of the batch."""
        if all(isinstance(size, int) for size in sizes):
            return self.constant(sizes, np.int64)
        if unknown := [size for size in sizes if not isinstance(size, int) and size != self.batch]:
            raise UnsupportedError(f"a size of {unknown[0]} is neither a number nor the size of the batch")
        batch = self.node("Shape", [self.inputs[0].name], start=0, end=1)
        parts = [self.constant([size], np.int64) if isinstance(size, int) else batch for size in sizes]
        return self.node("Concat", parts, axis=0)


def natural(rank: int) -> Order:
    """JAX's own order."""
    return tuple(range(rank))


def preferred(rank: int) -> Order:
    """The order that ONNX's operators want: [B, C, H, W] of [B, H, W, C]."""
    return (0, 3, 1, 2) if rank == 4 else natural(rank)


def value_info(name: str, shape: Shape, dtype: Any) -> ValueInfoProto:
    """What an input or an output of a graph is."""
    sizes = [size if isinstance(size, int) else str(size) for size in shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), sizes)
