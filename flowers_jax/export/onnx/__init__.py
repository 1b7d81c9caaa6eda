"""ONNX, which many runtimes read: onnxruntime on servers, on phones and in the browser, OpenVINO, TensorRT.

`writer.to_onnx` makes a graph of a function of JAX. A primitive of JAX is a function in the files beside it.
"""

import json
from pathlib import Path
from typing import Any

from flowers_jax.errors import UsageError, first_line
from flowers_jax.export.description import describe
from flowers_jax.export.function import symbolic_images, with_weights
from flowers_jax.export.registry import Artifact, Exported, Exporter, register


def write(exported: Exported, path: Path) -> None:
    """The model with its weights to one file. Its metadata properties are the description, each as JSON.

    Raises:
        UsageError: the model has a primitive of JAX that `writer` does not write.
    """
    from flowers_jax.export.onnx.writer import to_onnx  # which imports a package of the extra

    model = exported.model
    properties = {name: json.dumps(value) for name, value in describe(model).items()}
    path.write_bytes(to_onnx(with_weights(model, "xla"), symbolic_images(model), properties).SerializeToString())


def read(path: Path) -> Artifact:
    """
    Raises:
        UsageError: it is no ONNX file of this package.
    """
    import onnxruntime

    try:
        session: Any = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        properties = session.get_modelmeta().custom_metadata_map
        description = {name: json.loads(value) for name, value in properties.items()}
        (images,) = session.get_inputs()
        if "classes" not in description:
            raise ValueError("it has no property `classes`")
    except Exception as error:  # a damaged file fails in the parser of another package, in any way
        raise UsageError(f"{path}: not an ONNX file of export.py ({first_line(error)})") from error
    return Artifact(description, lambda pixels: session.run(None, {images.name: pixels})[0])


register(Exporter("onnx", ".onnx", write, read, packages=("onnx", "onnxruntime")))
