"""The old name of `flowers_jax.augment`, which new code imports."""

from flowers_jax.augment import *  # noqa: F403
