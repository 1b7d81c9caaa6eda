"""Writes a function of JAX as a model of ONNX: one walk over its program, equation by equation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import onnx
from jax.extend.core import Var
from onnx import helper, numpy_helper

from flowers_jax import __version__
from flowers_jax.export.onnx import axes, elementwise, products, reductions  # noqa: F401 (they register)
from flowers_jax.export.onnx.constants import folded
from flowers_jax.export.onnx.fusion import fused
from flowers_jax.export.onnx.graph import Graph, UnsupportedError, Value, natural, value_info
from flowers_jax.export.onnx.primitives import WRITERS

OPSET = 18
IR_VERSION = 8
"""The first that has this opset: the most runtimes read it."""

CALLS = {
    "jit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
    "remat2": "jaxpr",
}  # fmt: skip
"""Primitives that call a program, and the parameter that holds it."""

DTYPES = ("float32", "float16", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
INPUT, OUTPUT = "images", "probabilities"


def to_onnx(
    function: Callable[[Any], Any], images: jax.ShapeDtypeStruct, properties: Mapping[str, str]
) -> onnx.ModelProto:
    """A model of opset 18 that computes `function`; the arrays that it holds are initializers.

    The input is `images` and the output `probabilities`. ONNX's checker has accepted it.

    Args:
        function: from one array to one array, without side effects.
        images: the shape and dtype of the input; its first size may be symbolic.
        properties: metadata properties by name.

    Raises:
        UsageError: the program has a primitive, or a dtype, that is not written.
    """
    program = jax.make_jaxpr(function)(images)
    graph = Graph(images.shape[0])
    inputs: list[Value] = [graph.input(INPUT, images.shape, images.dtype)]
    (result,) = walk(graph, program.jaxpr, program.consts, inputs)
    aval: Any = program.out_avals[0]
    whole = graph.as_tensor(result, aval.shape)
    name = graph.name(whole, natural(len(aval.shape)))
    graph.nodes.append(helper.make_node("Identity", [name], [OUTPUT], OUTPUT))
    return _model(graph, value_info(OUTPUT, aval.shape, aval.dtype), properties)


def walk(graph: Graph, jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Value]) -> list[Value]:
    """Write the equations of a program of JAX; returns its outputs."""
    known: dict[Any, Value] = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    known |= zip(jaxpr.invars, inputs, strict=True)

    def value(atom: Any) -> Value:
        return known[atom] if isinstance(atom, Var) else np.asarray(atom.val, atom.aval.dtype)

    for equation in jaxpr.eqns:
        outputs = _equation(graph, equation, [value(atom) for atom in equation.invars])
        known |= zip(equation.outvars, outputs, strict=True)
    return [value(atom) for atom in jaxpr.outvars]


def _equation(graph: Graph, equation: Any, inputs: list[Value]) -> list[Value]:
    name, parameters = equation.primitive.name, equation.params
    if name == "platform_index":  # of no platform that JAX knows
        return [np.array(parameters["platforms"].index(None), np.int32)]
    if name == "cond" and isinstance(inputs[0], np.ndarray):
        branches = parameters["branches"]
        return _inline(graph, branches[np.clip(inputs[0], 0, len(branches) - 1)], inputs[1:])
    if name in CALLS:
        return _inline(graph, parameters[CALLS[name]], inputs)
    if name == "broadcast_in_dim":  # before constants are folded, so that they stay small
        return [WRITERS[name](graph, equation, *inputs)]
    if (constants := folded(equation, inputs)) is not None:
        return list(constants)
    shapes = ", ".join(str(atom.aval) for atom in equation.invars)
    if name not in WRITERS:
        raise UnsupportedError(f"no ONNX is written for JAX's {name} of {shapes}")
    if other := [atom for atom in equation.outvars if atom.aval.dtype.name not in DTYPES]:
        raise UnsupportedError(f"{name} gives {other[0].aval}, whose dtype ONNX runtimes do not compute with")
    output = WRITERS[name](graph, equation, *inputs)
    return output if isinstance(output, list) else [output]


def _inline(graph: Graph, called: Any, inputs: Sequence[Value]) -> list[Value]:
    """Write a program in the place of its call."""
    return walk(graph, getattr(called, "jaxpr", called), getattr(called, "consts", ()), inputs)


def _model(graph: Graph, output: onnx.ValueInfoProto, properties: Mapping[str, str]) -> onnx.ModelProto:
    nodes, constants = fused(graph, OUTPUT)
    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "flowers_jax", graph.inputs, [output], initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="flowers_jax",
        producer_version=__version__,
    )
    helper.set_model_props(model, dict(properties))
    onnx.checker.check_model(model, full_check=True)
    return model
