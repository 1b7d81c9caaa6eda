"""The train state as the parts of a checkpoint, and back.

The part `model` is what predicts: with a moving average its weights, and then those that train are in `optimizer`.
"""

from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
import optax

from flowers_jax import parallel
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training.state import Progress, TrainState, Tree, eval_variables, merge_params, split_params
from flowers_jax.types import Devices


def initial_state(
    variables: Tree,
    optimizer: optax.GradientTransformation,
    frozen: Collection[str],
    *,
    step: int = 0,
    ema: bool = False,
) -> TrainState:
    """Before the first step of a phase; `step` counts those of the phases before."""
    trainable, _ = split_params(variables["params"], frozen)
    return TrainState(
        step=jnp.asarray(step, jnp.int32),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer.init(trainable),
        ema=jax.tree.map(jnp.copy, trainable) if ema else {},
    )


def save(checkpoints: Checkpoints, state: TrainState, frozen: Collection[str], progress: Progress) -> None:
    """Write the next checkpoint."""
    checkpoints.save(
        eval_variables(state, frozen), _rest(state, frozen), progress.to_json(),
        model_checkpoint=progress.model_checkpoint,
    )  # fmt: skip


def restore(checkpoints: Checkpoints, number: int, like: TrainState, frozen: Collection[str]) -> TrainState:
    """The whole state of a checkpoint, placed as `like` is."""
    model = checkpoints.model(number, eval_variables(like, frozen))
    rest = checkpoints.optimizer(number, _rest(like, frozen))
    average, fixed = split_params(model["params"], frozen)
    params = merge_params(rest["trainable"], fixed) if like.ema else model["params"]
    return TrainState(rest["step"], params, model["batch_stats"], rest["opt_state"], average if like.ema else {})


def restore_variables(checkpoints: Checkpoints, number: int, like: Tree, devices: Devices) -> Tree:
    """What predicts, of a checkpoint, on the devices."""
    return checkpoints.model(number, parallel.replicated(like, devices))


def _rest(state: TrainState, frozen: Collection[str]) -> dict[str, Any]:
    rest = {"step": state.step, "opt_state": state.opt_state}
    return rest | {"trainable": split_params(state.params, frozen)[0]} if state.ema else rest
