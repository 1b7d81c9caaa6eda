"""A TFLite file whose large weights are float16, which takes half the bytes; it computes in float32."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from flowers_jax.export.tflite import flatbuffer

LEAST = 2**14
"""Values of a tensor. Those below are few bytes and most of the error: depthwise kernels, biases, the first kernel."""

VERSION = 3
"""Of the operator DEQUANTIZE, that which takes float16. Source: TensorFlow, `lite/tools/versioning/op_version.cc`."""


def halve(floats: bytes) -> bytes:
    """The file with its weights of at least `LEAST` values in float16, each made float32 before it is used."""
    model = flatbuffer.unpack(floats)
    graph, code = model.subgraphs[0], len(model.operatorCodes)
    kind = schema.BuiltinOperator.DEQUANTIZE
    model.operatorCodes.append(schema.OperatorCodeT(deprecatedBuiltinCode=kind, version=VERSION, builtinCode=kind))
    large = [index for index, tensor in enumerate(graph.tensors) if _is_large(tensor, model.buffers[tensor.buffer])]
    for buffer in {graph.tensors[index].buffer for index in large}:  # several tensors may have the same
        halves = np.frombuffer(model.buffers[buffer].data, np.float32).astype(np.float16)
        model.buffers[buffer].data = halves.view(np.uint8)
    widened = []
    for index in large:
        tensor = graph.tensors[index]
        widened.append(schema.OperatorT(opcodeIndex=code, inputs=[len(graph.tensors)], outputs=[index]))
        graph.tensors.append(
            schema.TensorT(
                shape=tensor.shape,
                type=schema.TensorType.FLOAT16,
                buffer=tensor.buffer,
                name=tensor.name + b" in float16",
            )
        )
        tensor.buffer = 0  # which is empty
    graph.operators = widened + graph.operators
    return flatbuffer.pack(model)


def _is_large(tensor: Any, buffer: Any) -> bool:
    return tensor.type == schema.TensorType.FLOAT32 and buffer.data is not None and len(buffer.data) >= 4 * LEAST
