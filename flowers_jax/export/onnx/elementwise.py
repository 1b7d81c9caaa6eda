"""Primitives of JAX that compute each number from those at its place. ONNX broadcasts their inputs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import helper

from flowers_jax.export.onnx.graph import Graph, Shape, Tensor, UnsupportedError, Value, natural
from flowers_jax.export.onnx.primitives import WRITERS, writes

SAME = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "add": "Add", "asin": "Asin", "asinh": "Asinh", "atan": "Atan",
    "atanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "div": "Div", "eq": "Equal",
    "erf": "Erf", "exp": "Exp", "floor": "Floor", "ge": "GreaterOrEqual", "gt": "Greater", "le": "LessOrEqual",
    "log": "Log", "logistic": "Sigmoid", "lt": "Less", "min": "Min", "mul": "Mul", "neg": "Neg", "pow": "Pow",
    "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt", "sub": "Sub", "tan": "Tan", "tanh": "Tanh",
}  # fmt: skip
"""Primitives of JAX that are an operator of ONNX."""

LOGIC = {"and": "And", "or": "Or", "xor": "Xor", "not": "Not"}
"""Of truth values; of whole numbers they are ONNX's `Bitwise` operators."""


def apply(graph: Graph, operator: str, *values: Value, dtype: Any, **attributes: Any) -> Tensor:
    """An operator of ONNX at every place, in the order of the largest tensor, so that small ones are transposed."""
    rank = max(len(value.shape) for value in values)
    whole = [value for value in values if isinstance(value, Tensor) and len(value.shape) == rank]
    order = max(whole, key=lambda tensor: _size(tensor.shape)).order if whole else natural(rank)
    names = [graph.name(value, order if len(value.shape) == rank else ()) for value in values]
    shape = broadcast([value.shape for value in values])
    return graph.tensor(operator, names, shape, dtype, order, **attributes)


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The sizes of what an operator gives for inputs of these shapes. Those of rank 0 go with any other."""
    rank = max(map(len, shapes))
    sizes = zip(*(shape for shape in shapes if len(shape) == rank), strict=True)
    return tuple(next((size for size in column if size != 1), 1) for column in sizes)


def _size(shape: Shape) -> int:
    """Of one example."""
    return int(np.prod([size for size in shape if isinstance(size, int)]))


def dtype_of(equation: Any) -> Any:
    """Of the output."""
    return equation.outvars[0].aval.dtype


@writes(*SAME)
def same(graph: Graph, equation: Any, *inputs: Value) -> Tensor:
    """`SAME`."""
    return apply(graph, SAME[equation.primitive.name], *inputs, dtype=dtype_of(equation))


@writes(*LOGIC)
def logic(graph: Graph, equation: Any, *inputs: Value) -> Tensor:
    """`and`, `or`, `xor`, `not`."""
    bits = "" if dtype_of(equation) == np.bool_ else "Bitwise"
    return apply(graph, bits + LOGIC[equation.primitive.name], *inputs, dtype=dtype_of(equation))


@writes("ne")
def not_equal(graph: Graph, equation: Any, x: Value, y: Value) -> Tensor:  # noqa: ARG001
    """`ne`: Equal, Not."""
    return apply(graph, "Not", apply(graph, "Equal", x, y, dtype=bool), dtype=bool)


@writes("is_finite")
def is_finite(graph: Graph, equation: Any, x: Value) -> Tensor:  # noqa: ARG001
    """`is_finite`: x - x is 0 where it is, and NaN where not."""
    zero = apply(graph, "Sub", x, x, dtype=x.dtype)
    return apply(graph, "Equal", zero, zero, dtype=bool)


@writes("max")
def maximum(graph: Graph, equation: Any, x: Value, y: Value) -> Tensor:
    """`max`: Relu where one side is zero, which runtimes fuse with a convolution; else Max."""
    for zero, other in ((x, y), (y, x)):
        if isinstance(zero, np.ndarray) and zero.dtype == np.float32 and zero.ndim == 0 and zero == 0:
            return apply(graph, "Relu", other, dtype=dtype_of(equation))
    return apply(graph, "Max", x, y, dtype=dtype_of(equation))


@writes("clamp")
def clamp(graph: Graph, equation: Any, low: Value, x: Value, high: Value) -> Tensor:
    """`clamp`: Clip between single numbers; else Min of Max."""
    if len(low.shape) == len(high.shape) == 0:
        return apply(graph, "Clip", x, low, high, dtype=dtype_of(equation))
    return apply(graph, "Min", apply(graph, "Max", x, low, dtype=x.dtype), high, dtype=dtype_of(equation))


@writes("square")
def square(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`square`: Mul."""
    return apply(graph, "Mul", x, x, dtype=dtype_of(equation))


@writes("integer_pow")
def integer_pow(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`integer_pow`: Mul for a square, else Pow."""
    power = equation.params["y"]
    return apply(graph, "Mul", x, x, dtype=x.dtype) if power == 2 else _with(graph, equation, "Pow", x, power)


@writes("rsqrt")
def rsqrt(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`rsqrt`: Sqrt, Reciprocal."""
    return apply(graph, "Reciprocal", apply(graph, "Sqrt", x, dtype=x.dtype), dtype=dtype_of(equation))


@writes("exp2")
def exp2(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`exp2`: Pow of 2."""
    return apply(graph, "Pow", np.array(2, x.dtype), x, dtype=dtype_of(equation))


@writes("log1p")
def log1p(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`log1p`: Add, Log. ONNX has nothing exact for tiny x; the absolute error is that of 1 + x."""
    return apply(graph, "Log", _with(graph, equation, "Add", x, 1), dtype=dtype_of(equation))


@writes("expm1")
def expm1(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`expm1`: Exp, Sub. As with `log1p`."""
    return _with(graph, equation, "Sub", apply(graph, "Exp", x, dtype=x.dtype), 1)


@writes("erfc")
def erfc(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`erfc`: Erf, subtracted from 1. As with `log1p`."""
    return apply(graph, "Sub", np.array(1, x.dtype), apply(graph, "Erf", x, dtype=x.dtype), dtype=dtype_of(equation))


@writes("round")
def rounded(graph: Graph, equation: Any, x: Value) -> Tensor:
    """`round`: Round, which takes the even one of two neighbours; away from zero Floor of the magnitude and a half."""
    if equation.params["rounding_method"].name == "TO_NEAREST_EVEN":
        return apply(graph, "Round", x, dtype=dtype_of(equation))
    half = _with(graph, equation, "Add", apply(graph, "Abs", x, dtype=x.dtype), 0.5)
    sign = apply(graph, "Sign", x, dtype=x.dtype)
    return apply(graph, "Mul", sign, apply(graph, "Floor", half, dtype=x.dtype), dtype=x.dtype)


@writes("rem")
def remainder(graph: Graph, equation: Any, x: Value, y: Value) -> Tensor:
    """`rem`: Mod as in C, with the sign of the dividend."""
    return apply(graph, "Mod", x, y, dtype=dtype_of(equation), fmod=1)


@writes("convert_element_type")
def convert(graph: Graph, equation: Any, x: Value) -> Value:
    """`convert_element_type`: Cast."""
    dtype = equation.params["new_dtype"]
    if x.dtype == dtype:
        return x
    return apply(graph, "Cast", x, dtype=dtype, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


@writes("select_n")
def select(graph: Graph, equation: Any, which: Value, *cases: Value) -> Value:
    """`select_n` of two: Where; nothing where a constant selects the same everywhere."""
    if len(cases) != 2 or which.dtype != np.bool_:
        raise UnsupportedError(f"select_n between {len(cases)} by {which.dtype} is not written")
    if isinstance(which, np.ndarray) and which.min() == which.max():
        return cases[int(which.max())]
    return apply(graph, "Where", which, cases[1], cases[0], dtype=dtype_of(equation))


def _with(graph: Graph, equation: Any, operator: str, x: Value, number: float) -> Tensor:
    """An operator of x and a number of its dtype."""
    return apply(graph, operator, x, np.array(number, x.dtype), dtype=dtype_of(equation))


ELEMENTWISE = frozenset(WRITERS)
"""All of them: what is registered when this file has been read."""
