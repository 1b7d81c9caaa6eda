"""Each primitive of JAX that is written for ONNX gives in onnxruntime what it gives in JAX."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import lax

from flowers_jax.errors import UsageError
from flowers_jax.export.onnx.primitives import WRITERS
from tests.export.onnx_runtime import agree, of_any_batch, operators, written

pytestmark = pytest.mark.wings
quietly = partial(settings, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)


def images(*shape: int) -> np.ndarray:
    """Numbers of both signs, some of them zero."""
    shape = shape or (2, 6, 5, 4)
    numbers = np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)
    return np.where(np.abs(numbers) < 0.1, np.float32(0), numbers)


def whole(x: jax.Array) -> jax.Array:
    """Whole numbers of both signs."""
    return (x * 4).astype(jnp.int32)


def convolution(
    x: jax.Array, kernel: jax.Array, strides=(1, 1), padding="SAME", dilation=(1, 1), groups=1
) -> jax.Array:
    return lax.conv_general_dilated(
        x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )  # fmt: skip


def within_one(function):
    """For functions that are defined between -1 and 1."""
    return lambda x: function(jnp.tanh(x) * 0.9)


ROW = np.arange(1, 5, dtype=np.float32)

CASES = {
    "abs": jnp.abs,
    "acos": within_one(jnp.arccos),
    "acosh": lambda x: lax.acosh(1 + jnp.abs(x)),
    "add": lambda x: x + ROW,
    "and": lambda x: (x > 0) & (x < 1),
    "argmax": lambda x: jnp.argmax(x, 3),
    "argmin": lambda x: jnp.argmin(x, 1),
    "asin": within_one(jnp.arcsin),
    "asinh": lambda x: lax.asinh(x),
    "atan": lambda x: lax.atan(x),
    "atanh": within_one(lax.atanh),
    "broadcast_in_dim": lambda x: jnp.broadcast_to(x.mean((1, 2))[:, None, None], x.shape),
    "ceil": jnp.ceil,
    "clamp": lambda x: lax.clamp(-0.5, x, 0.5),
    "clamp by row": lambda x: lax.clamp(jnp.broadcast_to(-ROW / 4, x.shape), x, jnp.broadcast_to(ROW / 4, x.shape)),
    "concatenate": lambda x: jnp.concatenate([x, jnp.ones((x.shape[0], 2, 5, 4)), x[:, ::-1]], 1),
    "conv_general_dilated": lambda x: convolution(x, images(3, 3, 4, 6)),
    "conv_general_dilated of two inputs": lambda x: convolution(x, jnp.tanh(x).mean(0)[:3, :3, :, None] + ROW),
    "convert_element_type": lambda x: (x * 9).astype(jnp.int32).astype(jnp.float32),
    "copy": lambda x: lax.optimization_barrier(jnp.copy(x)),
    "cos": jnp.cos,
    "cosh": jnp.cosh,
    "div": lambda x: x / ROW,
    "div of whole numbers": lambda x: lax.div(whole(x), jnp.int32(3)),
    "dim_as_value": lambda x: x * x.shape[0],
    "dot_general": lambda x: x.reshape(x.shape[0], -1) @ images(120, 3),
    "dot_general of images": lambda x: x @ images(4, 7),
    "dot_general of batches": lambda x: jnp.einsum("bhwc,bhvc->bhwv", x, x),
    "dot_general of heads": lambda x: jnp.einsum("bhwc,bhvc->bcwv", x, x),
    "dot_general over two axes": lambda x: jnp.einsum("bhwc,hcd->bwd", x, images(6, 4, 3)),
    "dynamic_slice": lambda x: lax.dynamic_slice_in_dim(x, 3, 2, 1),
    "dynamic_slice beyond": lambda x: lax.dynamic_slice_in_dim(x, 5, 3, 1),
    "eq": lambda x: x == 0,
    "erf": lambda x: lax.erf(x),
    "erfc": lambda x: lax.erfc(x),
    "exp": jnp.exp,
    "exp2": lambda x: jnp.exp2(x),
    "expm1": jnp.expm1,
    "floor": jnp.floor,
    "gather": lambda x: jnp.take(x, jnp.array([2, 0]), axis=3),
    "gather one": lambda x: x[:, 1],
    "gather a part": lambda x: x[:, 2:5, 1],
    "gather in reverse": lambda x: x[:, :, ::-2],
    "ge": lambda x: x >= 0,
    "gt": lambda x: x > 0,
    "integer_pow": lambda x: x**3 + x**2 + (x + 9) ** -1,
    "is_finite": lambda x: jnp.isfinite(1 / x),
    "le": lambda x: x <= 0,
    "log": lambda x: jnp.log(jnp.abs(x) + 0.1),
    "log1p": lambda x: jnp.log1p(jnp.abs(x)),
    "logistic": nn.sigmoid,
    "lt": lambda x: x < 0,
    "max": lambda x: jnp.maximum(x, ROW - 2),
    "max with zero": nn.relu,
    "min": lambda x: jnp.minimum(x, ROW - 2),
    "mul": lambda x: x * ROW,
    "ne": lambda x: x != 0,
    "neg": lambda x: -x,
    "not": lambda x: ~(x > 0),
    "not of whole numbers": lambda x: ~whole(x),
    "optimization_barrier": lambda x: lax.optimization_barrier((x, 2 * x))[1],
    "or": lambda x: (x < 0) | (x > 1),
    "pad": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=3),
    "pad with less": lambda x: lax.pad(x, 0.0, ((0, 0, 0), (-1, 2, 0), (1, -2, 0), (0, 0, 0))),
    "pow": lambda x: jnp.abs(x) ** ROW,
    "reduce_and": lambda x: jnp.all(x > -1, (1, 2)),
    "reduce_max": lambda x: x.max((1, 2)),
    "reduce_min": lambda x: x.min(3),
    "reduce_or": lambda x: jnp.any(x > 1, 3),
    "reduce_precision": lambda x: lax.reduce_precision(x, 8, 23),
    "reduce_prod": lambda x: x.prod(1),
    "reduce_sum": lambda x: x.sum((1, 3)),
    "reduce_window_max": lambda x: nn.max_pool(x, (3, 3), (2, 2), "SAME"),
    "reduce_window_sum": lambda x: nn.avg_pool(x, (3, 2), (2, 1), "SAME"),
    "rem": lambda x: lax.rem(x * 7, jnp.float32(2)),
    "reshape": lambda x: x.reshape(-1, 30, 2, 2),
    "rev": lambda x: jnp.flip(x, (1, 2)),
    "round": jnp.round,
    "round from zero": lambda x: lax.round(jnp.floor(x * 4) / 2),
    "rsqrt": lambda x: lax.rsqrt(jnp.abs(x) + 0.1),
    "select_n": lambda x: jnp.where(x > 0, x, ROW),
    "sign": jnp.sign,
    "sin": jnp.sin,
    "sinh": jnp.sinh,
    "slice": lambda x: lax.slice(x, (0, 1, 0, 0), (x.shape[0], 6, 5, 4), (1, 2, 3, 1)),
    "split": lambda x: jnp.split(x, 2, 3)[1],
    "sqrt": lambda x: jnp.sqrt(jnp.abs(x)),
    "square": jnp.square,
    "squeeze": lambda x: lax.squeeze(x[:, :1], (1,)),
    "stop_gradient": lax.stop_gradient,
    "sub": lambda x: ROW - x,
    "tan": within_one(jnp.tan),
    "tanh": jnp.tanh,
    "transpose": lambda x: x.transpose(0, 2, 3, 1) + images(1, 1, 6),
    "xor": lambda x: (x < 0) ^ (x > 1),
    "xor of whole numbers": lambda x: whole(x) ^ 5,
}  # fmt: skip
"""The name of a primitive, or its beginning, and a function that has it."""

TOGETHER = {
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "gelu": partial(nn.gelu, approximate=False),
    "tanh gelu": nn.gelu,
    "silu": nn.silu,
    "elu": nn.elu,
    "hard_swish": nn.hard_swish,
    "softplus": nn.softplus,
    "variance": lambda x: jnp.var(x, (1, 2)),
    "average without padding": lambda x: nn.avg_pool(x, (3, 2), (2, 1), "SAME", count_include_pad=False),
    "layer norm": lambda x: nn.standardize(x, axis=-1),
    "remat": jax.checkpoint(lambda x: jnp.sin(x) * 2),
    "by platform": lambda x: lax.platform_dependent(x, tpu=jnp.sin, default=jnp.cos),
    "resize": lambda x: jax.image.resize(x, (x.shape[0], 12, 10, 4), "nearest"),
    "gate": lambda x: x * nn.sigmoid(x.mean((1, 2)) @ images(4, 4))[:, None, None],
    "attention": lambda x: nn.softmax(jnp.einsum("bhwc,bhvc->bhwv", x, x) / 2) @ x,
    "broadcast output": lambda x: jnp.zeros((x.shape[0], 3)) + 1,
}


@pytest.mark.parametrize("name", [*CASES, *TOGETHER])
def test_agrees_with_jax(name: str):
    agree((CASES | TOGETHER)[name], images())


def test_every_primitive_has_a_case():
    seen = set()
    for name, function in CASES.items():
        program = str(jax.make_jaxpr(function)(of_any_batch(images())))
        seen |= {primitive for primitive in WRITERS if f" {primitive} " in program or f" {primitive}[" in program}
        assert name.split()[0] in seen, name
    assert set(WRITERS) - seen == set()


@st.composite
def windows(draw: st.DrawFn) -> tuple:
    """Sizes of an image and of a window that fits in it; strides, dilation and padding."""
    size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    window = tuple(draw(st.integers(1, min(3, side))) for side in size)
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = tuple(
        draw(st.integers(1, max(1, (side - 1) // max(1, k - 1)))) for side, k in zip(size, window, strict=True)
    )
    below = [st.integers(0, k - 1) for k in window]  # onnxruntime refuses a pool with more padding than window
    explicit = st.tuples(*(st.tuples(side, side) for side in below))
    return size, window, strides, dilation, draw(st.sampled_from(["SAME", "VALID"]) | explicit)


@pytest.mark.parametrize("groups", [1, 2, 4], ids=["dense", "two groups", "depthwise"])
def test_convolutions(groups: int):
    def check(case: tuple) -> None:
        size, window, strides, dilation, padding = case
        kernel = images(*window, 4 // groups, 8)
        agree(lambda x: convolution(x, kernel, strides, padding, dilation, groups), images(2, *size, 4))

    quietly(max_examples=15)(given(windows())(check))()


@pytest.mark.parametrize("pool", [nn.max_pool, nn.avg_pool], ids=["max", "average"])
def test_pools(pool):
    def check(case: tuple) -> None:
        size, window, strides, _, padding = case
        agree(lambda x: pool(x, window, strides, padding), images(2, *size, 3))

    quietly(max_examples=15)(given(windows())(check))()


@pytest.mark.parametrize("layout", [("NCHW", "OIHW", "NCHW"), ("HWNC", "HWIO", "NHWC")], ids=lambda names: names[0])
def test_convolutions_of_other_layouts(layout: tuple[str, str, str]):
    sizes = {"N": 2, "H": 6, "W": 5, "C": 4, "O": 3, "I": 4}
    kernel = images(*({"H": 3, "W": 2}.get(axis, sizes[axis]) for axis in layout[1]))

    def function(x):
        x = x.transpose(["NHWC".index(axis) for axis in layout[0]])
        return lax.conv_general_dilated(x, kernel, (2, 1), "SAME", dimension_numbers=layout)

    agree(function, images(2, 6, 5, 4))


@pytest.mark.parametrize("axes", [(1, 2), (3,), (0, 2)], ids=str)
def test_axes_in_any_order(axes: tuple[int, ...]):
    """Operators read tensors whose dimensions ONNX holds in different orders."""

    def check(permutation: list[int]) -> None:
        def function(x):
            y = convolution(x, images(3, 3, 4, 4)).transpose(permutation)
            return (jnp.flip(y, axes[-1]) * 2 + x.transpose(permutation)).max(axes)

        agree(function, images())

    quietly(max_examples=8)(given(st.permutations(range(4)))(check))()


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda x: jnp.sort(x, 1), "no ONNX is written for JAX's sort of float32[batch,6,5,4]"),
        (lambda x: x.astype(jnp.bfloat16) * 2, "convert_element_type gives bfloat16[batch,6,5,4]"),
        (lambda x: lax.pad(x, 0.0, ((0, 0, 0), (0, 0, 1), (0, 0, 0), (0, 0, 0))), "pad with"),
        (lambda x: jnp.take(ROW, x.astype(jnp.int32), mode="clip"), "gather from"),
        (lambda x: lax.dynamic_slice_in_dim(x, x[0, 0, 0, 0].astype(jnp.int32), 2, 1), "dynamic_slice from computed"),
        (lambda x: lax.fori_loop(0, 3, lambda _, y: y * 2, x), "JAX's scan of"),
        (lambda x: jnp.zeros(x.shape[0] * 2), "a size of 2*batch is neither"),
    ],
    ids=["sort", "bfloat16", "pad between", "computed gather", "computed slice", "loop", "size"],
)  # fmt: skip
def test_what_is_not_written_is_named_in_one_line(function, named: str):
    with pytest.raises(UsageError) as refused:
        written(function, images())
    message = str(refused.value)
    assert named in message
    assert message.startswith("--format=onnx: ")
    assert message.endswith("--format=stablehlo takes every model")
    assert "\n" not in message


def test_constants_are_computed_once():
    model = written(lambda x: x * jnp.exp(lax.rsqrt(ROW + jnp.sin(ROW))), images())
    assert operators(model) == ["Transpose", "Mul", "Transpose", "Identity"]
