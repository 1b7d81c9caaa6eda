"""A trained model as a file for phone, server and browser: one file of this folder for each format.

Importing this package registers the formats; the packages that a format needs are imported where it writes or reads.
"""

from flowers_jax.export import onnx, page, safetensors, saved_model, stablehlo, tflite
from flowers_jax.export.registry import EXPORTERS, Artifact, Exported, Exporter, find, register

__all__ = [
    "EXPORTERS",
    "Artifact",
    "Exported",
    "Exporter",
    "find",
    "onnx",
    "page",
    "register",
    "safetensors",
    "saved_model",
    "stablehlo",
    "tflite",
]
