"""From a function of JAX to a graph of ONNX: `writer.to_onnx`. A primitive of JAX is a function beside it."""
