"""Runs functions of JAX in onnxruntime. Where its packages are missing, tests skip, but fail if `CI` is set."""

import os
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from jax import export

for package in ("onnx", "onnxruntime"):
    if not os.environ.get("CI"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'flowers-jax[export]'")

import onnx  # noqa: E402
import onnxruntime  # noqa: E402

from flowers_jax.export.onnx.writer import to_onnx  # noqa: E402


def written(function: Callable[[Any], Any], array: np.ndarray, **properties: str) -> onnx.ModelProto:
    """The model of a function of arrays like this one and of any batch."""
    return to_onnx(function, of_any_batch(array), properties)


def of_any_batch(array: np.ndarray) -> jax.ShapeDtypeStruct:
    """The shape of an array with a symbolic first size."""
    sizes = ", ".join(["batch", *map(str, array.shape[1:])])
    return jax.ShapeDtypeStruct(export.symbolic_shape(sizes), array.dtype)


def run(model: onnx.ModelProto, array: np.ndarray) -> np.ndarray:
    """What onnxruntime computes."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": array})[0]


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def agree(function: Callable[[Any], Any], array: np.ndarray, tolerance: float = 1e-5) -> onnx.ModelProto:
    """The model, after it gave what JAX gives."""
    model = written(function, array)
    expected, actual = np.asarray(jax.jit(function)(array)), run(model, array)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    return model
