"""Colours change as Pillow and colorsys say."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from flowers_jax.augment import colour, rand_augment
from flowers_jax.data.decode import decode
from flowers_jax.data.sources.procedural import draw as draw_flower

FLOWER = decode(draw_flower("five_petals", 0))
PILLOW = Image.fromarray(FLOWER)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7])
@pytest.mark.parametrize(
    ("ours", "pillow"),
    [
        (colour.adjust_brightness, ImageEnhance.Brightness),
        (colour.adjust_contrast, ImageEnhance.Contrast),
        (colour.adjust_saturation, ImageEnhance.Color),
    ],
)
def test_enhancements_equal_pillow(ours, pillow, factor):
    expected = np.asarray(pillow(PILLOW).enhance(factor), np.float32)
    np.testing.assert_allclose(ours(jnp.asarray(FLOWER, jnp.float32), factor), expected, atol=1.6)  # it rounds twice


@pytest.mark.parametrize("strength", [-1.0, -0.4, 0.0, 0.7])
def test_sharpness_equals_pillow(strength):
    expected = np.asarray(ImageEnhance.Sharpness(PILLOW).enhance(1 + 0.9 * strength), np.float32)
    changed = rand_augment.sharpness(jnp.asarray(FLOWER, jnp.float32), strength)
    np.testing.assert_allclose(changed, expected, atol=1.6)


@pytest.mark.parametrize(
    ("change", "strength", "pillow"),
    [
        ("autocontrast", 0.0, ImageOps.autocontrast),
        ("equalize", 0.0, ImageOps.equalize),
        ("solarize", 0.4, lambda image: ImageOps.solarize(image, 153)),
        ("posterize", -0.5, lambda image: ImageOps.posterize(image, 6)),
        ("posterize", 1.0, lambda image: ImageOps.posterize(image, 4)),
    ],
)
def test_changes_equal_pillow(change, strength, pillow):
    for image in (FLOWER, FLOWER // 3 + 40, np.full_like(FLOWER, 77)):
        changed = getattr(rand_augment, change)(jnp.asarray(image, jnp.float32), strength)
        expected = np.asarray(pillow(Image.fromarray(image)), np.float32)
        np.testing.assert_allclose(changed, expected, atol=1.0 if change == "autocontrast" else 1e-4)


@pytest.mark.parametrize("turns", [-0.4, 0.0, 0.2, 0.5])
def test_hue_equals_colorsys(turns):
    pixels = np.random.default_rng(0).uniform(0, 255, (6, 5, 3)).astype(np.float32)
    pixels[0, 0], pixels[0, 1] = 0, 128
    expected = np.zeros_like(pixels)
    for place in np.ndindex(6, 5):
        h, s, v = colorsys.rgb_to_hsv(*(pixels[place] / 255))
        expected[place] = 255 * np.array(colorsys.hsv_to_rgb((h + turns) % 1, s, v))
    np.testing.assert_allclose(colour.adjust_hue(jnp.asarray(pixels), turns), expected, atol=1e-2)


def test_channel_shift_stays_in_the_range_of_the_image():
    image = jnp.array([[[10.0, 20.0, 200.0]]])
    assert colour.shift_channels(image, 30.0).ravel().tolist() == [40, 50, 200]
    assert colour.shift_channels(image, -30.0).ravel().tolist() == [10, 10, 170]


def test_jitter_is_within_its_strengths_and_off_at_zero():
    image = jnp.asarray(FLOWER, jnp.float32)
    np.testing.assert_array_equal(colour.color_jitter(jax.random.key(0), image, (0.0, 0.0, 0.0, 0.0)), image)
    grey = jnp.full((2, 2, 3), 100.0)
    shades = [float(colour.color_jitter(jax.random.key(n), grey, (0.5, 0, 0, 0)).mean()) for n in range(60)]
    assert 50 <= min(shades) < 60 and 140 < max(shades) <= 150


def test_rand_augment_goes_every_way():
    """Each change is drawn; magnitude 0 leaves the image but for those that have no strength."""
    image = jnp.asarray(FLOWER, jnp.float32)
    way = jax.jit(lambda key: rand_augment.rand_augment(key, image, 1, 9.0))
    results = {np.asarray(way(jax.random.key(n))).tobytes() for n in range(120)}
    assert len(results) >= 2 * len(rand_augment.CHANGES) - 6  # the identity, equalize and autocontrast have one side
    for index, change in enumerate(rand_augment.CHANGES[:-3]):
        np.testing.assert_allclose(change(image, 0.0), image, atol=1e-3, err_msg=str(index))


def test_translation_and_rotation_are_as_strong_as_they_say():
    image = jnp.zeros((331, 331, 3)).at[165, 165].set(255)
    moved = rand_augment.CHANGES[3](image, 0.2)  # a fifth of 150 in 331 pixels
    assert np.argwhere(np.asarray(moved[..., 0]) > 200).tolist() == [[165, 135]]
    image = jnp.zeros((331, 331, 3)).at[164:167, 264:267].set(255)
    turned = rand_augment.CHANGES[5](image, 1.0)  # 30 degrees, 100 pixels from the centre
    place = np.argwhere(np.asarray(turned[..., 0]) > 200).mean(0)
    np.testing.assert_allclose(np.abs(place - 165), [50, 86.6], atol=0.5)
