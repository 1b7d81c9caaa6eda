"""Checkpoints of a run, through orbax; the only module that imports it.

Each checkpoint has three parts: `model` (params, batch_stats), `optimizer`, and `progress`, which is JSON. Kept are
the latest ones and the one with the model of the run. Saving is synchronous: the state's buffers are donated to the
next step.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import LatestN, PreservationPolicy


class Checkpoints:
    """The folder `checkpoints/` of a run; checkpoints are numbered from 1 in the order of saving."""

    def __init__(self, run: Path, keep: int = 0):
        """Keep so many of the latest; 0 only reads, and touches nothing that a running training writes."""
        self._policy = _LatestAndModel(max(keep, 1))
        options = ocp.CheckpointManagerOptions(
            preservation_policy=self._policy,
            enable_async_checkpointing=False,
            cleanup_tmp_directories=keep > 0,
            create=False,
        )
        folder = run / "checkpoints"
        self._manager = ocp.CheckpointManager(folder, options=options) if folder.is_dir() else None
        self._folder, self._options = folder, options

    def latest(self) -> int | None:
        return self._manager.latest_step() if self._manager else None

    def save(self, model: Any, optimizer: Any, progress: Mapping[str, Any], model_checkpoint: int) -> None:
        """Write checkpoint number `next_number()`; `model_checkpoint` is to be kept beside the latest, 0 for none."""
        if self._manager is None:
            self._folder.mkdir(parents=True)
            self._manager = ocp.CheckpointManager(self._folder, options=self._options)
        self._policy.model = model_checkpoint
        self._manager.save(
            self.next_number(),
            args=ocp.args.Composite(
                model=ocp.args.StandardSave(model),
                optimizer=ocp.args.StandardSave(optimizer),
                progress=ocp.args.JsonSave(dict(progress)),
            ),
        )

    def next_number(self) -> int:
        return (self.latest() or 0) + 1

    def progress(self, number: int) -> dict[str, Any]:
        return self._restore(number, progress=ocp.args.JsonRestore())["progress"]

    def model(self, number: int, like: Any) -> Any:
        """The `model` part in the shapes and on the devices of `like`."""
        return self._restore(number, model=_as(like))["model"]

    def optimizer(self, number: int, like: Any) -> Any:
        """The `optimizer` part in the shapes and on the devices of `like`."""
        return self._restore(number, optimizer=_as(like))["optimizer"]

    def _restore(self, number: int, **parts: Any) -> Any:
        if self._manager is None:
            raise FileNotFoundError(f"no checkpoint in {self._folder}")
        return self._manager.restore(number, args=ocp.args.Composite(**parts))


class _LatestAndModel(PreservationPolicy):
    """Keep the latest ones and `model`, which the loop names: one authority, not a second ranking."""

    def __init__(self, keep: int):
        self.latest = LatestN(keep)
        self.model = 0

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        latest = self.latest.should_preserve(checkpoints, context=context)
        return [kept or found.step == self.model for kept, found in zip(latest, checkpoints, strict=True)]


def _as(like: Any) -> Any:
    return ocp.args.StandardRestore(jax.tree.map(ocp.utils.to_shape_dtype_struct, like))
