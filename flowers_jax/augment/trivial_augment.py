"""TrivialAugment: one random change of a random strength, and nothing to tune."""

import jax
from jaxtyping import Array
from jaxtyping import Key as PRNGKey

from flowers_jax.augment.rand_augment import STRONGEST, rand_augment
from flowers_jax.augment.registry import Augmentation, register
from flowers_jax.types import Picture


def trivial_augment(key: PRNGKey[Array, ""], image: Picture) -> Picture:
    """One of RandAugment's changes at a strength drawn from 0, 1, ..., 30, in a random direction.

    Source: Müller and Hutter 2021, https://arxiv.org/abs/2103.10158, "TA (RA)": RandAugment's changes and strengths.
    """
    strength, change = jax.random.split(key)
    return rand_augment(change, image, 1, jax.random.randint(strength, (), 0, STRONGEST + 1))


register(Augmentation("trivial_augment", trivial_augment, one_by_one=True))
