"""The generator draws what Keras's draws, and changes images as it does."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest

from flowers_jax.augment import Generator
from flowers_jax.augment.generator import Transform, apply, draw
from tests.conftest import keras_image

COURSE = Generator(
    rotation_range=20, width_shift_range=0.1, height_shift_range=0.1, shear_range=0.2, zoom_range=(0.8, 1.2),
    horizontal_flip=True,
)  # fmt: skip
EVERYTHING = replace(COURSE, vertical_flip=True, channel_shift_range=30.0, brightness_range=(0.5, 1.5))
SIZE = (60, 90)
DRAWS = 4000

LIMITS = {
    "theta": (-20, 20), "tx": (-6, 6), "ty": (-9, 9), "shear": (-0.2, 0.2), "zx": (0.8, 1.2), "zy": (0.8, 1.2),
    "channel_shift": (-30, 30), "brightness": (0.5, 1.5),
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> Transform:
    keys = jax.random.split(jax.random.key(0), DRAWS)
    return jax.device_get(jax.jit(jax.vmap(lambda key: draw(key, EVERYTHING, *SIZE)))(keys))


@pytest.fixture(scope="module")
def drawn_by_keras() -> list[dict]:
    generator = keras_image().ImageDataGenerator(
        rotation_range=20, width_shift_range=0.1, height_shift_range=0.1, shear_range=0.2, zoom_range=0.2,
        horizontal_flip=True, vertical_flip=True, channel_shift_range=30.0, brightness_range=(0.5, 1.5),
    )  # fmt: skip
    return [generator.get_random_transform((*SIZE, 3), seed) for seed in range(DRAWS)]


@pytest.mark.parametrize("name", LIMITS)
def test_parameters_have_kerass_distributions(drawn, drawn_by_keras, name):
    low, high = LIMITS[name]
    ours = getattr(drawn, name)
    theirs = [one[name.replace("channel_shift", "channel_shift_intensity")] for one in drawn_by_keras]
    assert kstest(ours, "uniform", (low, high - low)).pvalue > 1e-3
    assert kstest(ours, theirs).pvalue > 1e-3


def test_flips_are_fair_and_parameters_independent(drawn):
    for flips in (drawn.flip_horizontal, drawn.flip_vertical):
        assert abs(flips.mean() - 0.5) < 0.03
    values = np.stack([getattr(drawn, name) for name in (*LIMITS, "flip_horizontal", "flip_vertical")])
    correlations = np.corrcoef(values.astype(np.float64)) - np.eye(len(values))
    assert np.abs(correlations).max() < 0.07


def test_shifts_of_one_and_more_are_pixels():
    generator = Generator(width_shift_range=3.0, height_shift_range=0.5)
    keys = jax.random.split(jax.random.key(0), 500)
    drawn = jax.jit(jax.vmap(lambda key: draw(key, generator, *SIZE)))(keys)
    assert 2.9 < np.abs(drawn.ty).max() <= 3 and 29 < np.abs(drawn.tx).max() <= 30


def test_documented_shifts_move_along_their_own_axis():
    image = jnp.zeros((60, 90, 3)).at[30, 45].set(255)
    for documented, axis in ((True, 1), (False, 0)):
        generator = Generator(width_shift_range=0.2, interpolation_order=0, documented_shifts=documented)
        move = jax.jit(lambda key, generator=generator: apply(image, draw(key, generator, *SIZE), generator))
        moved = move(jax.random.key(1))
        (place,) = np.argwhere(moved[..., 0])
        assert place[axis] != (30, 45)[axis] and place[1 - axis] == (30, 45)[1 - axis]


def test_a_drawn_transform_changes_an_image_as_in_keras(drawn_by_keras):
    """All but brightness, which Keras rounds to whole greys on its way through Pillow."""
    keras = keras_image().ImageDataGenerator(fill_mode="reflect")
    ours = replace(EVERYTHING, fill_mode="reflect")
    image = np.random.default_rng(0).uniform(0, 255, (*SIZE, 3)).astype(np.float32)
    for parameters in drawn_by_keras[:25]:
        brightness = parameters["brightness"]
        names = ("theta", "tx", "ty", "shear", "zx", "zy")
        transform = Transform(
            **{name: parameters[name] for name in names},
            flip_horizontal=parameters["flip_horizontal"], flip_vertical=parameters["flip_vertical"],
            channel_shift=parameters["channel_shift_intensity"], brightness=brightness,
        )  # fmt: skip
        expected = keras.apply_transform(image, parameters | {"brightness": None})
        changed = apply(jnp.asarray(image), transform, replace(ours, brightness_range=(1.0, 1.0)))
        np.testing.assert_allclose(changed, expected, atol=1e-3)
        bright = keras.apply_transform(image, parameters)
        np.testing.assert_allclose(apply(jnp.asarray(image), transform, ours), bright, atol=2.5)


def test_at_the_defaults_nothing_changes():
    image = np.random.default_rng(0).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    drawn = draw(jax.random.key(0), Generator(), 8, 8)
    np.testing.assert_array_equal(apply(jnp.asarray(image), drawn, Generator()), image)
