"""Definition, closed forms, `jax.grad`, central differences and the fast code agree."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from jax.test_util import check_grads
from scipy.signal import correlate2d

from flowers_jax import config, ops
from tests.ops.cases import KINDS, Case, cases, fixed

close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
quietly = partial(settings, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)


@pytest.fixture(autouse=True)
def float64():
    with jax.enable_x64(True):
        yield


def values_and_gradients(arguments, x, w, dy, path):
    """The value twice: alone and with its gradients, for which the code may be another."""
    convolve = partial(ops.convolve, **arguments, path=path)
    y, back = jax.vjp(convolve, x, w)
    return convolve(x, w), y, *back(dy)


def closed_forms(arguments, x, w, dy):
    y = ops.conv2d(x, w, **arguments)
    return (
        y,
        y,
        ops.conv2d_input_grad(dy, w, x.shape, **arguments),
        ops.conv2d_kernel_grad(x, dy, w.shape, **arguments),
    )


def agree(*some: Case, paths: tuple[str, ...] = ("reference", "fast", "xla")) -> None:
    """Every case along every path, in one program."""

    @jax.jit
    def compute(arrays):
        both = [(case.arguments, *one) for case, one in zip(some, arrays, strict=True)]
        return {path: [values_and_gradients(*one, path) for one in both] for path in paths}, [
            closed_forms(*one) for one in both
        ]

    found, expected = compute([(case.x, case.w, case.dy) for case in some])
    for path, every in found.items():
        for case, given_, expected_ in zip(some, every, expected, strict=True):
            for one, other in zip(given_, expected_, strict=True):
                assert one.dtype == np.float64
                close(one, other, err_msg=f"{path} {case.arguments}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_path_and_gradient_agrees(kind):
    agree(*fixed(kind))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_path_and_gradient_agrees_50_times(kind):
    quietly(max_examples=13)(given(cases(kind))(lambda case: agree(case)))()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_path_and_gradient_agrees_500_times(kind):
    quietly(max_examples=125)(given(cases(kind))(lambda case: agree(case)))()  # hypothesis refuses varargs


def differences(case: Case, order: int) -> None:
    for path in ("reference", "fast", "xla"):
        f = jax.jit(lambda x, w, path=path: jnp.sin(ops.convolve(x, w, **case.arguments, path=path)))
        check_grads(f, (case.x, case.w), order=order, modes=("rev",), atol=1e-5, rtol=1e-5, eps=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_central_differences_agree(kind):
    differences(fixed(kind)[0], order=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_central_differences_of_random_ones_agree(kind):
    quietly(max_examples=2)(given(cases(kind))(lambda case: differences(case, order=1)))()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_central_differences_agree_to_second_order(kind):
    quietly(max_examples=8)(given(cases(kind))(lambda case: differences(case, order=2)))()


def test_scipy_agrees():
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(7, 6)), rng.normal(size=(3, 3))
    y = ops.conv2d(image[None, :, :, None], kernel[:, :, None, None])
    close(y[0, :, :, 0], correlate2d(image, kernel, mode="same"))


def test_many_images_and_many_rows():
    """What the fast code divides (images into groups, rows into sums) is whole again."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(6, 21, 20, 4)), rng.normal(size=(3, 3, 1, 4))
    arguments = {"stride": 2, "padding": ((1, 1), (1, 1)), "dilation": 1, "groups": 4}
    agree(Case(x, w, arguments), paths=ops.PATHS)


@pytest.mark.parametrize("path", ops.PATHS)
@pytest.mark.parametrize(
    ("shape", "kernel", "arguments", "message"),
    [
        ((1, 2, 5, 1), (3, 3, 1, 1), {"padding": "VALID"}, r"3x3.*larger than the padded image of 2x5.*\(1, 2, 5, 1\)"),
        ((1, 4, 4, 1), (3, 3, 1, 1), {"padding": "VALID", "dilation": 2}, r"5x5 with dilation 2 is larger.*4x4"),
        (
            (1, 5, 5, 4),
            (3, 3, 1, 4),
            {"groups": 3},
            r"groups 3 does not divide the 4 input or 4 output.*\(3, 3, 1, 4\)",
        ),
        ((1, 5, 5, 4), (3, 3, 2, 3), {"groups": 2}, r"groups 2 does not divide the 4 input or 3 output"),
        ((1, 5, 5, 4), (3, 3, 3, 2), {}, r"reads 3 channels in 1 group\(s\), the input has 4"),
        ((1, 5, 5, 1), (3, 3, 1, 1), {"stride": 0}, r"stride 0: must be at least 1 \(input \(1, 5, 5, 1\), kernel"),
        ((1, 5, 5, 1), (3, 3, 1, 1), {"padding": "same"}, r"padding 'same': must be SAME, VALID or"),
        ((1, 5, 5, 1), (3, 3, 1, 1), {"padding": ((-1, 0), (0, 0))}, "cannot be fewer than none"),
    ],
)
def test_shapes_that_do_not_fit_are_named(path, shape, kernel, arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.convolve(jnp.zeros(shape), jnp.zeros(kernel), **arguments, path=path)
    if path == "reference":
        with pytest.raises(ValueError, match=message):
            ops.conv2d_input_grad(jnp.zeros((1, 3, 3, 1)), jnp.zeros(kernel), shape, **arguments)
        with pytest.raises(ValueError, match=message):
            ops.conv2d_kernel_grad(jnp.zeros(shape), jnp.zeros((1, 3, 3, 1)), kernel, **arguments)


def test_an_output_gradient_of_another_shape_is_named():
    x, w, dy = jnp.zeros((1, 5, 5, 1)), jnp.zeros((3, 3, 1, 2)), jnp.zeros((1, 5, 4, 2))
    with pytest.raises(ValueError, match=r"\(1, 5, 4, 2\), the output \(1, 5, 5, 2\)"):
        ops.conv2d_input_grad(dy, w, x.shape)
    with pytest.raises(ValueError, match=r"\(1, 5, 4, 2\), the output \(1, 5, 5, 2\)"):
        ops.conv2d_kernel_grad(x, dy, w.shape)


@pytest.mark.parametrize("shape", [(2, 8, 8, 3), (2, 8, 8, 16)], ids=["image", "features"])
@pytest.mark.parametrize("kernel", ["3x3", "1x1", "depthwise"])
def test_auto_is_chosen_for_the_platform_that_a_program_is_for(shape, kernel):
    """Lowered for a TPU or a GPU on a machine that has neither, it is the backend's convolution, gradients too."""
    channels = shape[3]
    w, groups = {
        "3x3": ((3, 3, channels, 8), 1), "1x1": ((1, 1, channels, 8), 1), "depthwise": ((3, 3, 1, channels), channels),
    }[kernel]  # fmt: skip
    shapes = [jax.ShapeDtypeStruct(one, jnp.float32) for one in (shape, w)]

    def lowered(path, platform):
        def loss(x, w):
            return jnp.sin(ops.convolve(x, w, groups=groups, path=path)).sum()

        traced = jax.jit(jax.value_and_grad(loss, argnums=(0, 1))).trace(*shapes)
        return traced.lower(lowering_platforms=(platform,)).as_text()

    def pieces(text):
        return [text.count(f"stablehlo.{one}") for one in ("dot_general", "while", "optimization_barrier")]

    auto = {platform: pieces(lowered("auto", platform)) for platform in ("cpu", "cuda", "tpu")}
    assert auto["tpu"] == auto["cuda"] == [0, 0, 0]
    assert auto["cpu"] == pieces(lowered("fast", "cpu"))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("cores", [1, 4, 8])
def test_the_bits_of_a_depthwise_gradient_do_not_depend_on_the_number_of_cores(stride, cores, monkeypatch):
    def bits():
        jax.clear_caches()
        rng, sizes = (
            np.random.default_rng(0),
            [(24, 19, 20, 16), (3, 3, 1, 16), (24, -(-19 // stride), 20 // stride, 16)],
        )
        x, w, dy = (rng.normal(size=size).astype("f") for size in sizes)

        def gradients(x, w, dy):
            return jax.vjp(lambda x, w: ops.convolve(x, w, stride, groups=16, path="fast"), x, w)[1](dy)

        return [np.asarray(one).tobytes() for one in jax.jit(gradients)(x, w, dy)]

    expected = bits()
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert bits() == expected


def test_the_config_names_every_path():
    assert all(config.KEYS["model.convolution"].rule.holds(path) for path in ops.PATHS)
    assert not config.KEYS["model.convolution"].rule.holds("slow")
