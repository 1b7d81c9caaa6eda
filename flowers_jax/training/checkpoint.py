"""Converts the train state to the parts of a checkpoint, and back.

The part `model` is the model that predicts. If there is a moving average, `model` holds it, and `optimizer` holds the
trained parameters.
"""

from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
import optax

from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.runtime import parallel
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
    """The state before the first step of a phase; `step` is the number of steps of all earlier phases."""
    trainable, _ = split_params(variables["params"], frozen)
    batch_stats = variables.get("batch_stats", {})
    return TrainState(
        step=jnp.asarray(step, jnp.int32),
        params=variables["params"],
        batch_stats=batch_stats,
        opt_state=jax.jit(optimizer.init)(trainable),  # one program, not one for each shape
        ema=jax.tree.map(jnp.copy, {"params": trainable, "batch_stats": batch_stats}) if ema else {},
    )


EPOCHS, SECONDS = 5, 10.0
"""Epochs or seconds between two saves on kept features, where an epoch takes less time than a save."""


def is_due(
    progress: Progress, *, on_features: bool, is_last: bool, is_best: bool, every_steps: int, seconds: float, stop: bool
) -> bool:
    """Whether to save after the epoch that has just ended: always, except for some epochs on kept features.

    Args:
        is_last: the epoch is the last one of its phase.
        is_best: the epoch is the best one so far, and the run uses the model of the best epoch.
        every_steps: `config.checkpoint.every_steps`; if it is set, it limits what a kill may lose.
        seconds: time since the last save.
        stop: a signal has arrived.
    """
    is_fifth = progress.phase_epoch % EPOCHS == 0
    return not on_features or is_last or is_best or is_fifth or seconds > SECONDS or every_steps > 0 or stop


def save(checkpoints: Checkpoints, state: TrainState, frozen: Collection[str], progress: Progress, keep: int) -> None:
    """Write the next checkpoint.

    Args:
        state: on the host, so that one of several processes can write it, and the devices go on.
    """
    checkpoints.save(eval_variables(state, frozen), _rest(state, frozen), progress.to_json(), keep)


def restore(checkpoints: Checkpoints, number: int, like: TrainState, frozen: Collection[str]) -> TrainState:
    """The whole state of a checkpoint, with the sharding of `like`."""
    model = checkpoints.model(number, eval_variables(like, frozen))
    rest = checkpoints.optimizer(number, _rest(like, frozen))
    if not like.ema:
        return TrainState(rest["step"], model["params"], model["batch_stats"], rest["opt_state"])
    average, fixed = split_params(model["params"], frozen)
    return TrainState(
        rest["step"], merge_params(rest["trainable"], fixed), rest["batch_stats"], rest["opt_state"],
        ema={"params": average, "batch_stats": model["batch_stats"]},
    )  # fmt: skip


def restore_variables(checkpoints: Checkpoints, number: int, like: Tree, devices: Devices) -> Tree:
    """The variables that predict, from a checkpoint, on the devices."""
    return checkpoints.model(number, parallel.replicated(like, devices))


def _rest(state: TrainState, frozen: Collection[str]) -> dict[str, Any]:
    rest = {"step": state.step, "opt_state": state.opt_state}
    if state.ema:
        rest |= {"trainable": split_params(state.params, frozen)[0], "batch_stats": state.batch_stats}
    return rest
