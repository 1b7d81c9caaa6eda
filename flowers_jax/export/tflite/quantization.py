"""A TFLite file of 8-bit integers, quantized after the training.

Weights have a scale for each output channel, activations a scale and a zero point for each tensor (Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
"""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from flowers_jax.data.lazy_tensorflow import tensorflow
from flowers_jax.export.tflite import flatbuffer, runtime

Range = tuple[float, float]


def quantize(floats: bytes, photographs: np.ndarray) -> bytes:
    """A file with uint8 input and float32 output.

    Args:
        floats: a file of one float32 input.
        photographs: uint8 [N, S, S, 3]; the activations that they cause give the ranges.
    """
    tf = tensorflow()
    from tensorflow.lite.python.convert import mlir_quantize  # the converter itself takes no ranges

    model = flatbuffer.unpack(floats)
    for tensor, (least, most) in ranges(floats, photographs).items():
        model.subgraphs[0].tensors[tensor].quantization = schema.QuantizationParametersT(min=[least], max=[most])
    return mlir_quantize(flatbuffer.pack(model), input_data_type=tf.uint8)


def ranges(floats: bytes, photographs: np.ndarray) -> dict[int, Range]:
    """The range of each activation by its tensor: the means over the photographs of its least and its largest value.

    What few photographs exceed is clipped. The extremes over all photographs would leave too few of the 256 steps to
    the others (Krishnamoorthi 2018, "Quantizing deep convolutional networks", section 3.1.1, on moving averages).
    """
    interpreter = runtime.load_with_activations(floats)
    (image,) = interpreter.get_input_details()
    graph = flatbuffer.unpack(floats).subgraphs[0]
    computed = {int(tensor) for operator in graph.operators for tensor in operator.outputs} | {image["index"]}
    activations = [index for index in computed if graph.tensors[index].type == schema.TensorType.FLOAT32]
    sums = dict.fromkeys(activations, np.zeros(2))
    for photograph in photographs:
        interpreter.set_tensor(image["index"], photograph[None].astype(np.float32))
        interpreter.invoke()
        for index in activations:
            values = interpreter.get_tensor(index)
            sums[index] = sums[index] + (min(values.min(), 0), max(values.max(), 0))  # the integers hold 0 exactly
    return {index: tuple(map(float, total / len(photographs))) for index, total in sums.items()}
