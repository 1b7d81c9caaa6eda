"""The losses. Importing this package registers its own; `find` finds those of others too."""

from flowers_jax.losses import cross_entropy, focal, poly_1  # noqa: F401  (register themselves)
from flowers_jax.losses.registry import LOSSES, Loss, LossFunction, bound, check, find, of_logits, register

__all__ = ["LOSSES", "Loss", "LossFunction", "bound", "check", "find", "of_logits", "register"]
