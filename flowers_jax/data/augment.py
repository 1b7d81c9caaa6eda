"""`flowers_jax.augment` under the name that it had; new code imports it from there."""

from flowers_jax.augment import *  # noqa: F403
