"""Adam, with a learning rate that the host sets between epochs."""

import jax.numpy as jnp
import optax


def make_optimizer(learning_rate: float) -> optax.GradientTransformation:
    """Adam whose rate is part of its state, so that it goes into the checkpoint and changes without recompiling."""
    return optax.inject_hyperparams(optax.adam)(learning_rate=learning_rate)


def with_learning_rate(opt_state: optax.OptState, learning_rate: float) -> optax.OptState:
    """The optimizer's state with another rate, cast to float32 here and nowhere before."""
    return optax.tree.set(opt_state, learning_rate=jnp.float32(learning_rate))
