"""TFLite, for phones and small devices: LiteRT, MediaPipe Tasks, microcontrollers. The file takes one image at a time.

`converter` makes the file with TensorFlow, `float16` and `quantization` make it smaller, and `metadata` adds what
MediaPipe Tasks read.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from flowers_jax.errors import UsageError, first_line
from flowers_jax.export.description import describe
from flowers_jax.export.photographs import for_calibration
from flowers_jax.export.registry import Artifact, Exported, Exporter, register

CALIBRATION = 200
"""Photographs that give the ranges of activations."""


def write(exported: Exported, path: Path) -> None:
    """The model in float32."""
    from flowers_jax.export.tflite import converter  # which imports TensorFlow

    _save(exported, path, converter.convert(exported.model, np.uint8))


def write_float16(exported: Exported, path: Path) -> None:
    """The model with large weights in float16."""
    from flowers_jax.export.tflite import converter, float16

    _save(exported, path, float16.halve(converter.convert(exported.model, np.uint8)))


def write_int8(exported: Exported, path: Path) -> None:
    """The model with weights and activations of 8 bits, whose ranges are those on training photographs of the run.

    Raises:
        UsageError: the run has none, or they are gone.
    """
    from flowers_jax.export.tflite import converter, quantization

    photographs = for_calibration(exported.model, CALIBRATION)
    floats = converter.convert(exported.model, np.float32)
    _save(exported, path, quantization.quantize(floats, photographs))


def _save(exported: Exported, path: Path, converted: bytes) -> None:
    from flowers_jax.export.tflite import metadata  # which imports a package of the extra

    size = exported.model.preprocessing.size
    said = describe(exported.model) | {"input": f"uint8 [1, {size}, {size}, 3], RGB of 0 to 255"}
    path.write_bytes(metadata.add(converted, said))


def read(path: Path) -> Artifact:
    """
    Raises:
        UsageError: it is no TFLite file of this package.
    """
    from flowers_jax.export.tflite import metadata, runtime

    try:
        whole = path.read_bytes()
        description = metadata.description(whole)
        interpreter = runtime.load(whole)
    except Exception as error:  # a damaged file fails in the parser of another package, in any way
        raise UsageError(f"{path}: not a TFLite file of export.py ({first_line(error)})") from error
    return Artifact(description, partial(_predict, interpreter))


def _predict(interpreter: Any, images: np.ndarray) -> np.ndarray:
    """uint8 [N, S, S, 3] -> float32 [N, classes]."""
    (image,), (probabilities,) = interpreter.get_input_details(), interpreter.get_output_details()
    given = []
    for one in images:
        interpreter.set_tensor(image["index"], one[None])
        interpreter.invoke()
        given.append(interpreter.get_tensor(probabilities["index"])[0])
    return np.stack(given)


PACKAGES = ("ai_edge_litert",)
register(Exporter("tflite", ".tflite", write, read, PACKAGES))
register(Exporter("tflite-f16", "-f16.tflite", write_float16, read, PACKAGES, tolerance=1e-2))
register(
    Exporter(
        "tflite-int8",
        "-int8.tflite",
        write_int8,
        read,
        PACKAGES,
        tolerance=float("inf"),
        least_agreement=0.8,
        wanted_agreement=0.96,
    )
)
