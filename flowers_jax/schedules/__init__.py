"""Schedules of the learning rate, as factors of the rate of ReduceLROnPlateau.

Importing this package registers its own; `find` finds those of others too.
"""

from flowers_jax.schedules import decays  # noqa: F401  (registers them)
from flowers_jax.schedules.registry import SCHEDULES, Decay, Schedule, constant, find, make_schedule, register

__all__ = ["SCHEDULES", "Decay", "Schedule", "constant", "find", "make_schedule", "register"]
