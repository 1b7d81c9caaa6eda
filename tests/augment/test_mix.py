"""mixup and CutMix by hand; crops and erasing within their limits."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import kstest

from flowers_jax.augment import Augment, Examples, mix, partner_rows
from flowers_jax.augment.crop import draw_box, random_resized_crop
from flowers_jax.augment.erase import random_erasing
from flowers_jax.augment.mix import cutmix, mixup, paste

OWN = Examples(jnp.zeros((2, 4, 4, 3)), jnp.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
PARTNERS = Examples(jnp.full((2, 4, 4, 3), 100.0), jnp.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))


def test_mixup_weighs_images_and_labels_alike():
    mix_up = jax.jit(lambda key: mixup(key, OWN, PARTNERS, 1.0))
    for seed in range(5):
        mixed = mix_up(jax.random.key(seed))
        weight = float(mixed.targets[0, 0])
        np.testing.assert_allclose(mixed.images, 100 * (1 - weight), rtol=1e-5)
        np.testing.assert_allclose(mixed.targets, [[weight, 1 - weight, 0], [0, weight, 1 - weight]], rtol=1e-5)


def test_mixups_weight_has_the_beta_distribution():
    mix_up = jax.jit(lambda key: mixup(key, OWN, PARTNERS, 0.4))
    weights = [float(mix_up(jax.random.key(n)).targets[0, 0]) for n in range(400)]
    assert kstest(weights, "beta", (0.4, 0.4)).pvalue > 1e-3


def test_a_pasted_rectangle_by_hand():
    """2 rows of 3 columns of 16 pixels: 6/16 of the label."""
    mixed = paste(OWN, PARTNERS, tuple(jnp.float32(edge) for edge in (1, 0, 3, 3)))
    expected = np.zeros((4, 4))
    expected[1:3, 0:3] = 100
    np.testing.assert_array_equal(mixed.images[0, :, :, 0], expected)
    np.testing.assert_allclose(mixed.targets, [[0.625, 0.375, 0], [0, 0.625, 0.375]])


def test_cutmix_labels_have_the_share_of_the_pixels():
    cut_mix = jax.jit(lambda key: cutmix(key, OWN, PARTNERS, 1.0))
    for seed in range(20):
        mixed = cut_mix(jax.random.key(seed))
        share = float((mixed.images[0, :, :, 0] == 100).mean())
        np.testing.assert_allclose(mixed.targets, [[1 - share, share, 0], [0, 1 - share, share]], atol=1e-6)


def test_both_means_one_of_them_for_a_batch():
    kinds = set()
    both = jax.jit(lambda key: mix(key, OWN, PARTNERS, Augment(mixup=1.0, cutmix=1.0)))
    for seed in range(20):
        values = np.unique(both(jax.random.key(seed)).images)
        kinds.add("cutmix" if set(values.tolist()) <= {0, 100} else "mixup")
    assert kinds == {"mixup", "cutmix"}


def test_partners_are_examples_and_fillers_stay_by_themselves():
    rows = jnp.arange(8)
    assert partner_rows(jnp.int32(5), rows).tolist() == [1, 2, 3, 4, 0, 5, 6, 7]
    assert partner_rows(jnp.int32(8), rows).tolist() == [1, 2, 3, 4, 5, 6, 7, 0]
    assert partner_rows(jnp.int32(1), rows).tolist() == list(range(8))


def test_crops_lie_inside_with_the_area_and_ratio_asked_for():
    keys = jax.random.split(jax.random.key(0), 3000)
    for height, width in ((100, 100), (60, 90)):
        draw = jax.jit(jax.vmap(lambda k, h=height, w=width: draw_box(k, (0.3, 0.8), h, w)))
        top, left, tall, wide = np.asarray(draw(keys)).T
        assert (top >= 0).all() and (left >= 0).all()
        assert (top + tall <= height).all() and (left + wide <= width).all()
        area = tall * wide / (height * width)
        assert 0.29 < area.min() < 0.32 and 0.75 < area.max() < 0.82
        assert 0.73 < (wide / tall).min() < 0.8 and 1.25 < (wide / tall).max() < 1.37
        assert top.min() == 0 and left.min() == 0 and (top + tall).max() == height and (left + wide).max() == width


def test_a_crop_that_never_fits_is_the_centre():
    """1x40: no part of such a ratio has half of the area."""
    box = jax.jit(lambda key: draw_box(key, (0.5, 0.5), 40, 4))(jax.random.key(0))
    np.testing.assert_array_equal(box, [(40 - 5) // 2 + 0.5, 0, 5, 4])


def test_the_whole_image_at_its_own_size_is_itself():
    image = jnp.asarray(np.random.default_rng(0).uniform(0, 255, (12, 12, 3)), jnp.float32)
    draw = jax.jit(lambda key: draw_box(key, (1.0, 1.0), 12, 12))
    boxes = [np.asarray(draw(jax.random.key(n))) for n in range(30)]
    seed = next(n for n, box in enumerate(boxes) if box.tolist() == [0, 0, 12, 12])
    crop = jax.jit(lambda key, image: random_resized_crop(key, image, (1.0, 1.0), 12))
    np.testing.assert_allclose(crop(jax.random.key(seed), image), image, atol=1e-3)


def test_a_crop_is_resized_about_its_middle():
    ramp = jnp.broadcast_to(jnp.arange(16, dtype=jnp.float32)[:, None, None], (16, 16, 3))
    box = np.asarray(jax.jit(lambda key: draw_box(key, (0.3, 0.3), 16, 16))(jax.random.key(3)))
    crop = jax.jit(lambda key, image: random_resized_crop(key, image, (0.3, 0.3), 4))
    rows = np.asarray(crop(jax.random.key(3), ramp))[:, 0, 0]
    expected = box[0] - 0.5 + box[2] * (np.arange(4) + 0.5) / 4
    np.testing.assert_allclose(rows, np.clip(expected, 0, 15), atol=1e-4)


def test_erasing_paints_one_rectangle_as_often_as_asked():
    image = jnp.zeros((40, 50, 3))
    erase = jax.jit(lambda key: random_erasing(key, image, 0.25, (1.0, 2.0, 3.0)))
    erased = np.stack([np.asarray(erase(jax.random.key(n))) for n in range(400)])
    painted = erased[..., 0] == 1
    touched = painted.any((1, 2))
    assert 0.18 < touched.mean() < 0.32
    np.testing.assert_array_equal(erased[painted], np.broadcast_to([1, 2, 3], (painted.sum(), 3)))
    shares = painted[touched].mean((1, 2))
    assert shares.min() > 0.01 and shares.max() < 0.36
    for one in painted[touched]:
        assert one.sum() == one.any(1).sum() * one.any(0).sum()  # a rectangle
