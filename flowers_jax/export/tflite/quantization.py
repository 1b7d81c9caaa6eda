"""A TFLite file of 8-bit integers, quantized after the training.

Weights have a scale for each output channel, activations a scale and a zero point for each tensor (Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from flowers_jax.data.lazy_tensorflow import tensorflow, tensorflow_lite_convert
from flowers_jax.export.tflite import flatbuffer, runtime
from flowers_jax.runtime import notices

Range = tuple[float, float]


def quantize(floats: bytes, photographs: np.ndarray) -> bytes:
    """A file with uint8 input and float32 output.

    Args:
        floats: a file of one float32 input.
        photographs: uint8 [N, S, S, 3]; the activations that they cause give the ranges.
    """
    model = flatbuffer.unpack(floats)
    for tensor, (least, most) in ranges(floats, photographs).items():
        model.subgraphs[0].tensors[tensor].quantization = schema.QuantizationParametersT(min=[least], max=[most])
    # What `tf.lite.TFLiteConverter` ends with; the converter itself takes no ranges.
    quantized = tensorflow_lite_convert().mlir_quantize
    with notices.hidden():
        return quantized(flatbuffer.pack(model), input_data_type=tensorflow().uint8)


def ranges(floats: bytes, photographs: np.ndarray) -> dict[int, Range]:
    """The range of each activation by its tensor.

    That of feature maps is from the mean over the photographs of the least value to the mean of the largest: what few
    photographs exceed is clipped, because it would leave too few of the 256 steps to the others (Krishnamoorthi 2018,
    "Quantizing deep convolutional networks", section 3.1.1, on moving averages). That of vectors, which end in the
    probabilities, has all their values. That of the input is 0 to 255, so that a pixel is its own integer.
    """
    interpreter = runtime.load_with_activations(floats)
    (image,) = interpreter.get_input_details()
    graph = flatbuffer.unpack(floats).subgraphs[0]
    computed = {int(tensor) for operator in graph.operators for tensor in operator.outputs}
    extremes = {index: [] for index in computed if graph.tensors[index].type == schema.TensorType.FLOAT32}
    for photograph in photographs:
        interpreter.set_tensor(image["index"], photograph[None].astype(np.float32))
        interpreter.invoke()
        for index, found in extremes.items():
            values = interpreter.get_tensor(index)
            found.append((min(float(values.min()), 0.0), max(float(values.max()), 0.0)))  # the integers hold 0 exactly
    maps = {index for index in extremes if len(graph.tensors[index].shape) == 4}
    return {image["index"]: (0.0, 255.0)} | {
        index: _mean(found) if index in maps else _whole(found) for index, found in extremes.items()
    }


def _mean(extremes: list[Range]) -> Range:
    least, largest = np.mean(extremes, 0)
    return float(least), float(largest)


def _whole(extremes: list[Range]) -> Range:
    return float(np.min(extremes)), float(np.max(extremes))
