"""`apply_affine` equals Keras's `apply_affine_transform`, which is SciPy's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowers_jax.augment import FILL_MODES, apply_affine
from tests.conftest import keras_image

SIZES = [(1, 1), (1, 6), (7, 7), (9, 14), (31, 24)]
"""Few, because each is compiled; square, wide, tall, and too small for neighbours."""

NUMBERS = st.fixed_dictionaries({
    "theta": st.one_of(st.sampled_from([0.0, 90.0, -90.0, 180.0]), st.floats(-360, 360)),
    "tx": st.one_of(st.integers(-9, 9).map(float), st.floats(-60, 60)),
    "ty": st.one_of(st.integers(-9, 9).map(float), st.floats(-60, 60)),
    "shear": st.one_of(st.just(0.0), st.floats(-80, 80)),
    "zx": st.one_of(st.just(1.0), st.floats(0.2, 4)),
    "zy": st.one_of(st.just(1.0), st.floats(0.2, 4)),
})  # fmt: skip


def equal_to_keras(size, seed, order, fill_mode, numbers) -> None:
    image = np.random.default_rng(seed).uniform(0, 255, (*size, 3)).astype(np.float32)
    expected = keras_image().apply_affine_transform(
        image.astype(np.float64), **numbers, row_axis=0, col_axis=1, channel_axis=2, fill_mode=fill_mode, cval=7.0,
        order=order,
    )  # fmt: skip
    ours = apply_affine(image, **numbers, fill_mode=fill_mode, cval=7.0, order=order)
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-4)


def replay(examples: int) -> None:
    check = given(
        st.sampled_from(SIZES), st.integers(0, 2**32 - 1), st.sampled_from([0, 1]), st.sampled_from(FILL_MODES), NUMBERS
    )(equal_to_keras)
    settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )(check)()


def test_random_parameters_equal_keras():
    replay(200)


@pytest.mark.slow
def test_random_parameters_equal_keras_2000_times():
    replay(2000)


GOLDEN = (20, 0.5, -0.3, 10, 0.9, 1.1)
FIRST_ROW = [1.981006, 2.826729, 3.672452, 5.458323, 6.997413]


def test_golden_row():
    image = np.arange(25, dtype=np.float32).reshape(5, 5, 1)
    np.testing.assert_allclose(apply_affine(image, *GOLDEN)[0, :, 0], FIRST_ROW, atol=1e-5)
    traced = jax.jit(apply_affine)(image, *GOLDEN)
    np.testing.assert_allclose(traced[0, :, 0], FIRST_ROW, atol=1e-4)


def test_nothing_changes_nothing():
    image = np.random.default_rng(0).uniform(0, 255, (6, 9, 2)).astype(np.float32)
    for fill_mode in FILL_MODES:
        np.testing.assert_array_equal(apply_affine(image, 0, 0, 0, 0, 1, 1, fill_mode), image)


def test_shifts_move_as_in_keras():
    image = np.zeros((5, 5, 1), np.float32)
    image[2, 2] = 1
    assert np.argwhere(apply_affine(image, tx=1.0)[..., 0]).tolist() == [[2, 1]]  # the height's shift: sideways
    assert np.argwhere(apply_affine(image, ty=1.0)[..., 0]).tolist() == [[1, 2]]


def test_what_it_cannot_do_is_refused():
    image = np.zeros((4, 4, 1), np.float32)
    with pytest.raises(ValueError, match="fill_mode 'mirror': must be one of nearest, constant, reflect, wrap"):
        apply_affine(image, fill_mode="mirror")
    with pytest.raises(ValueError, match="order 3: must be 0 or 1"):
        apply_affine(image, order=3)


def test_gradients_of_image_and_parameters_are_right():
    image = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (6, 7, 1)), jnp.float32)
    weights = jnp.asarray(np.random.default_rng(1).normal(size=(6, 7, 1)), jnp.float32)

    def loss(image, theta):
        return (apply_affine(image, theta, 0.4, -0.2, 5.0, 0.9, 1.2) * weights).sum()

    by_image, by_theta = jax.grad(loss, (0, 1))(image, jnp.float32(13.0))
    direction = jnp.asarray(np.random.default_rng(2).normal(size=image.shape), jnp.float32)
    step = (loss(image + direction, jnp.float32(13.0)) - loss(image - direction, jnp.float32(13.0))) / 2
    assert float((by_image * direction).sum()) == pytest.approx(float(step), rel=1e-3)
    change = (loss(image, jnp.float32(13.05)) - loss(image, jnp.float32(12.95))) / 0.1
    assert float(by_theta) == pytest.approx(float(change), rel=0.02)
