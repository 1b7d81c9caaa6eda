"""What a program computes from constants alone is computed once, here: BatchNorm's factors, masks, indices."""

from typing import Any

import jax
import numpy as np

from flowers_jax.export.onnx.elementwise import ELEMENTWISE
from flowers_jax.export.onnx.graph import Value

AT_ONCE = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "rsqrt": lambda x: np.divide(1, np.sqrt(x), dtype=x.dtype),
}
"""What BatchNorm is made of, by NumPy: JAX compiles each primitive for each shape first."""


def folded(equation: Any, inputs: list[Value]) -> list[np.ndarray] | None:
    """The outputs of an equation of JAX, computed on the CPU; None if it depends on an input of the program.

    A constant that is broadcast to the symbolic batch stays as small as it was.
    """
    arrays = [value for value in inputs if isinstance(value, np.ndarray)]
    if len(arrays) < len(inputs) or equation.primitive.name == "dim_as_value":
        return None
    if equation.primitive.name in ELEMENTWISE:
        arrays = list(np.broadcast_arrays(*arrays))
        if equation.primitive.name in AT_ONCE and arrays[0].dtype == np.float32:
            return [np.asarray(AT_ONCE[equation.primitive.name](*arrays))]
    elif all(isinstance(size, int) for atom in (*equation.invars, *equation.outvars) for size in atom.aval.shape):
        arrays = [np.broadcast_to(array, atom.aval.shape) for array, atom in zip(arrays, equation.invars, strict=True)]
    else:
        return None
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        outputs = equation.primitive.bind(*arrays, **equation.params)
    return [np.asarray(output) for output in (outputs if equation.primitive.multiple_results else [outputs])]
