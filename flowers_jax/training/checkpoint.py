"""The train state as the parts of a checkpoint, and back.

The part `model` is what predicts: with a moving average it is that, and then what trains is in `optimizer`.
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
    """Before the first step of a phase; `step` counts those of the phases before."""
    trainable, _ = split_params(variables["params"], frozen)
    batch_stats = variables.get("batch_stats", {})
    return TrainState(
        step=jnp.asarray(step, jnp.int32),
        params=variables["params"],
        batch_stats=batch_stats,
        opt_state=optimizer.init(trainable),
        ema=jax.tree.map(jnp.copy, {"params": trainable, "batch_stats": batch_stats}) if ema else {},
    )


EPOCHS, SECONDS = 5, 10.0
"""On kept features, where an epoch takes less time than a save, so many epochs or seconds lie between two."""


def is_due(
    progress: Progress, *, on_features: bool, is_last: bool, is_best: bool, every_steps: int, seconds: float, stop: bool
) -> bool:
    """Whether the epoch that has just ended is saved: always, but not each one of a phase on kept features.

    Args:
        is_last: of its phase.
        is_best: of the run so far, and the best one's model is the run's.
        every_steps: `config.checkpoint.every_steps`; who sets it has said how much a kill may cost.
        seconds: since the last save.
        stop: a signal has come.
    """
    is_fifth = progress.phase_epoch % EPOCHS == 0
    return not on_features or is_last or is_best or is_fifth or seconds > SECONDS or every_steps > 0 or stop


def save(checkpoints: Checkpoints, state: TrainState, frozen: Collection[str], progress: Progress, keep: int) -> None:
    """Write the next checkpoint."""
    checkpoints.save(eval_variables(state, frozen), _rest(state, frozen), progress.to_json(), keep)


def restore(checkpoints: Checkpoints, number: int, like: TrainState, frozen: Collection[str]) -> TrainState:
    """The whole state of a checkpoint, placed as `like` is."""
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
    """What predicts, of a checkpoint, on the devices."""
    return checkpoints.model(number, parallel.replicated(like, devices))


def _rest(state: TrainState, frozen: Collection[str]) -> dict[str, Any]:
    rest = {"step": state.step, "opt_state": state.opt_state}
    if state.ema:
        rest |= {"trainable": split_params(state.params, frozen)[0], "batch_stats": state.batch_stats}
    return rest
