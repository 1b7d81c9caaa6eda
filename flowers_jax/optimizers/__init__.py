"""The optimizers. Importing this package registers its own; `find` finds those of others too."""

from flowers_jax.optimizers import adam, lamb, lion, muon, schedule_free, sgd  # noqa: F401  (register themselves)
from flowers_jax.optimizers.chain import Multiplier, given, make_optimizer, with_learning_rate
from flowers_jax.optimizers.registry import OPTIMIZERS, Optimizer, find, register

__all__ = [
    "OPTIMIZERS", "Multiplier", "Optimizer", "find", "given", "make_optimizer", "register", "with_learning_rate",
]  # fmt: skip
