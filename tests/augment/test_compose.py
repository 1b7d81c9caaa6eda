"""A whole augmentation: one draw an image, settings from the config, gradients without NaN."""

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import config
from flowers_jax.augment import Augment, Examples, Generator, augment_images, from_config, mix, stored
from flowers_jax.augment.rand_augment import CHANGES
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Preprocessing

SMALL = Preprocessing(14)
EVERYTHING = Augment(
    Generator(
        rotation_range=20.0, width_shift_range=0.1, height_shift_range=0.1, shear_range=10.0, zoom_range=(0.8, 1.2),
        brightness_range=(0.8, 1.2), channel_shift_range=10.0, horizontal_flip=True, vertical_flip=True,
        fill_mode="reflect",
    ),
    crop_scale=(0.35, 1.0), crop_size=12, color_jitter=(0.4, 0.4, 0.4, 0.1), rand_augment_layers=1, random_erasing=0.5,
    mixup=0.4, cutmix=1.0,
)  # fmt: skip
TWO_LAYERS = pytest.param(replace(EVERYTHING, rand_augment_layers=2), id="two layers", marks=pytest.mark.slow)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
KEYS = jax.random.split(jax.random.key(0), 5)


@functools.cache
def compiled(augment):
    return jax.jit(lambda keys, images: augment_images(keys, images, augment, SMALL))


def changed(keys=KEYS, images=IMAGES, augment=EVERYTHING):
    return compiled(augment)(keys, images)


@pytest.mark.parametrize("augment", [pytest.param(EVERYTHING, id="one layer"), TWO_LAYERS])
def test_each_image_follows_from_its_own_key(augment):
    """Whatever is beside it and wherever it stands."""
    whole = changed(augment=augment)
    assert whole.shape == (5, 12, 12, 3) and float(whole.min()) >= 0 and float(whole.max()) <= 255
    others = jax.random.split(jax.random.key(1), 5)
    assert (changed(others, augment=augment) != whole).any((1, 2, 3)).all()
    for i, place in ((0, 4), (3, 1)):
        keys, images = others.at[place].set(KEYS[i]), IMAGES[::-1].copy()
        images[place] = IMAGES[i]
        np.testing.assert_allclose(changed(keys, images, augment)[place], whole[i], atol=1e-2)


@pytest.mark.slow
def test_an_image_alone_is_changed_as_among_others():
    whole = changed()
    for i in (0, 3):
        np.testing.assert_allclose(changed(KEYS[i : i + 1], IMAGES[i : i + 1])[0], whole[i], atol=1e-2)


def test_off_is_off():
    images = IMAGES[:, :14, :14]
    np.testing.assert_array_equal(changed(images=images, augment=Augment()), images)


def test_the_config_sets_everything():
    assert from_config(Config()) == Augment(Generator(horizontal_flip=True))
    given = {"zoom_range": (0.2,), "crop_scale": (0.35, 1.0), "crop_size": 128, "color_jitter": (0.4, 0.4, 0.4, 0.1),
             "mixup": 0.2, "rotation_range": 20.0}  # fmt: skip
    made = from_config(config.replace(Config(), {f"augment.{name}": value for name, value in given.items()}))
    assert made.generator == Generator(rotation_range=20.0, zoom_range=(0.8, 1.2), horizontal_flip=True)
    assert (made.crop_scale, made.crop_size, made.color_jitter) == ((0.35, 1.0), 128, (0.4, 0.4, 0.4, 0.1))
    assert made.mixup == 0.2


def test_photographs_are_stored_with_their_margins_only_for_crops():
    p = Preprocessing(224, "crop", 0.875)
    assert stored(p, Augment()) == p
    assert stored(p, Augment(crop_scale=(0.5, 1.0))) == replace(p, size=256, crop=1.0)


@pytest.mark.parametrize("augment", [pytest.param(EVERYTHING, id="one layer"), TWO_LAYERS])
def test_gradients_flow_through_everything_without_nan(augment):
    """Of noise and of even images, which have no hue, no contrast and no variance."""
    p = replace(SMALL, samplewise=True)

    @jax.jit
    @jax.grad
    def gradient(images):
        own = Examples(augment_images(KEYS, images, augment, p), jnp.eye(5))
        mixed = mix(jax.random.key(0), own, jax.tree.map(lambda leaf: leaf[::-1], own), augment)
        return (p.normalize(mixed.images) ** 2).sum() + mixed.images.sum()

    assert (np.asarray(found := gradient(jnp.asarray(IMAGES, jnp.float32))) != 0).mean() > 0.2
    assert np.isfinite(found).all()
    for grey in (0.0, 77.0, 255.0):
        assert np.isfinite(gradient(jnp.full(IMAGES.shape, grey))).all(), grey


@pytest.mark.parametrize("index", range(len(CHANGES)))
def test_every_change_of_rand_augment_has_a_gradient_without_nan(index):
    for image in (jnp.asarray(IMAGES[0], jnp.float32), jnp.full((16, 16, 3), 128.0)):
        assert np.isfinite(jax.grad(lambda x: CHANGES[index](x, 0.3).sum())(image)).all()


@pytest.mark.parametrize(("size", "crop", "side", "least"), [(224, 0.01, 22400, 0.1094), (2048, 0.875, 2341, 0.9998)])
def test_photographs_with_margins_have_a_largest_side(size, crop, side, least):
    """And the least crop that is named works, to four digits."""
    words = rf"data\.crop={crop}: .* {side} pixels a side, more than 2048; give --config\.data\.crop={least} or more"
    with pytest.raises(UsageError, match=words):
        stored(Preprocessing(size, crop=crop), EVERYTHING)
    assert stored(Preprocessing(size, crop=least), EVERYTHING).size <= 2048
    with pytest.raises(UsageError, match=f"give --config.data.crop={least}"):
        stored(Preprocessing(size, crop=least - 1e-4), EVERYTHING)
    assert stored(Preprocessing(size, crop=crop), Augment()).size == size
