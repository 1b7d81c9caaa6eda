"""Normalisation equals `ImageDataGenerator.standardize` and `.fit`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax.preprocessing import Preprocessing, channel_statistics
from tests.conftest import keras_image

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 9, 7, 3), np.uint8)
ZERO, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def by_keras(**settings: bool) -> np.ndarray:
    generator = keras_image().ImageDataGenerator(rescale=1 / 255, **settings)
    if "featurewise_center" in settings:
        generator.fit(IMAGES)
    return np.stack([generator.standardize(image.astype(np.float32)) for image in IMAGES])


def test_rescale():
    ours = Preprocessing(9, mean=ZERO, std=ONE).normalize(IMAGES)
    np.testing.assert_allclose(ours, by_keras(), atol=1e-6)


def test_samplewise():
    ours = Preprocessing(9, mean=ZERO, std=ONE, samplewise=True).normalize(IMAGES)
    np.testing.assert_allclose(
        ours, by_keras(samplewise_center=True, samplewise_std_normalization=True), rtol=1e-4, atol=1e-5
    )


def test_featurewise():
    mean, std = channel_statistics(IMAGES)
    expected = by_keras(featurewise_center=True, featurewise_std_normalization=True)
    np.testing.assert_allclose(Preprocessing(9, mean=mean, std=std).normalize(IMAGES), expected, rtol=1e-4, atol=1e-5)


def test_another_size():
    own = Preprocessing(224, "stretch", 0.875, mean=ZERO)
    assert own.at(96) == Preprocessing(96, "stretch", 0.875, mean=ZERO)
    assert own.at(96, 1.0) == Preprocessing(96, "crop", 1.0, mean=ZERO)


@pytest.mark.parametrize("grey", [0.0, 128.0])
def test_samplewise_of_an_even_image_has_a_gradient(grey):
    p = Preprocessing(4, mean=ZERO, std=ONE, samplewise=True)
    even = jnp.full((1, 4, 4, 3), grey)
    np.testing.assert_array_equal(p.normalize(even), 0)
    assert jnp.isfinite(jax.grad(lambda x: (p.normalize(x) ** 2).sum() + p.normalize(x).sum())(even)).all()
