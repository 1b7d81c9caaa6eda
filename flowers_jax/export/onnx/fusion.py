"""A factor or a shift of each channel after a convolution becomes a part of its kernel and its bias."""

from collections.abc import Iterable

import numpy as np
from onnx import NodeProto

from flowers_jax.export.onnx.graph import Graph


def fused(graph: Graph, output: str) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes that `output` needs and their constants, with Mul, Add and Sub of constants in the convolutions."""
    readers = _readers(graph.nodes)
    renamed: dict[str, str] = {}
    for node in graph.nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        last = node
        while node.op_type == "Conv" and node.input[1] in graph.constants and len(readers[last.output[0]]) == 1:
            (after,) = readers[last.output[0]]
            if not _absorb(graph, node, after, last.output[0]):
                break
            last = after
        if last is not node:
            renamed[last.output[0]] = node.output[0]
    return _needed(graph, output)


def _absorb(graph: Graph, convolution: NodeProto, after: NodeProto, name: str) -> bool:
    """Whether `after`, which alone reads the output `name`, could become a part of the convolution, and has."""
    kernel = graph.constants[convolution.input[1]]
    left = after.input[0] == name
    other = graph.constants.get(after.input[1 if left else 0]) if len(after.input) == 2 else None
    per_channel = (1, len(kernel), *[1] * (kernel.ndim - 2))
    if other is None or other.shape not in ((), per_channel):
        return False
    bias = graph.constants[convolution.input[2]] if len(convolution.input) > 2 else np.zeros(len(kernel), kernel.dtype)
    other = np.broadcast_to(other.reshape(-1), len(kernel))
    if after.op_type == "Mul":
        kernel, bias = kernel * other.reshape(-1, *[1] * (kernel.ndim - 1)), bias * other
    elif after.op_type == "Add" or (after.op_type == "Sub" and left):
        bias = bias + other if after.op_type == "Add" else bias - other
    else:
        return False
    convolution.input[1:] = [graph.constant(kernel), graph.constant(bias)]
    return True


def _readers(nodes: Iterable[NodeProto]) -> dict[str, list[NodeProto]]:
    """The nodes that read each output."""
    readers: dict[str, list[NodeProto]] = {}
    for node in nodes:
        for name in node.output:
            readers.setdefault(name, [])
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def _needed(graph: Graph, output: str) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes and constants from which `output` is computed."""
    names, nodes = {output}, list[NodeProto]()
    for node in reversed(graph.nodes):
        if not names.isdisjoint(node.output):
            names.update(node.input)
            nodes.append(node)
    return nodes[::-1], {name: array for name, array in graph.constants.items() if name in names}
