"""Callbacks of a training: objects of Python that see each epoch and may stop the run.

A callback has a method `on_epoch_end(row, variables) -> Stop | None`. `row` is the epoch's row of `metrics.csv` as a
dict; `variables` are `params` and `batch_stats` of the model that was validated. With `state_dict()` and
`load_state_dict(state)` its state, values of JSON, is in every checkpoint, and a resumed run gives it back.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from flowers_jax.errors import TrainingError, UsageError


class Stop(NamedTuple):
    """What a callback returns to end the run after this epoch. `reason` is `stopped_reason` in `summary.json`."""

    reason: str = "callback"


@runtime_checkable
class Callback(Protocol):
    def on_epoch_end(self, row: Mapping[str, Any], variables: Mapping[str, Any]) -> Stop | None: ...


def after_epoch(callbacks: Sequence[Any], row: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    """Call all of them; the reason of the first that stops the run, or "".

    Raises:
        TrainingError: one returns something else than a `Stop` or None.
    """
    reasons = []
    for callback in callbacks:
        result = callback.on_epoch_end(dict(row), variables)
        if result is not None and not isinstance(result, Stop):
            raise TrainingError(
                f"{type(callback).__name__}.on_epoch_end returned {result!r}: return flowers_jax.Stop(), or None"
            )
        if result is not None:
            reasons.append(result.reason or "callback")
    return reasons[0] if reasons else ""


def states(callbacks: Sequence[Any]) -> tuple[Any, ...]:
    """The state of each callback for a checkpoint; None for one without `state_dict`.

    Raises:
        TrainingError: a state is no value of JSON.
    """
    found = tuple(callback.state_dict() if hasattr(callback, "state_dict") else None for callback in callbacks)
    for callback, state in zip(callbacks, found, strict=True):
        try:
            json.dumps(state, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TrainingError(
                f"{type(callback).__name__}.state_dict() returned what JSON cannot hold ({error}): give text, numbers, "
                "lists and dicts of them"
            ) from error
    return found


def restore(callbacks: Sequence[Any], saved: Sequence[Any]) -> None:
    """Give each callback its state from a checkpoint.

    Raises:
        UsageError: the checkpoint has states of other callbacks.
    """
    if any(state is not None for state in saved) and len(saved) != len(callbacks):
        raise UsageError(
            f"the run began with {len(saved)} callbacks, of which some have a state; fit(..., callbacks=...) has "
            f"{len(callbacks)}: give the same ones"
        )
    for callback, state in zip(callbacks, saved, strict=False):
        if state is not None:
            if not hasattr(callback, "load_state_dict"):
                raise UsageError(
                    f"{type(callback).__name__} has no load_state_dict, but the checkpoint has a state for it: give "
                    "the callbacks in the order of the start"
                )
            callback.load_state_dict(state)
