"""Everything that changes while training: arrays on the device, and progress on the host."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import jax
from flax import struct, traverse_util

from flowers_jax.models.groups import is_below
from flowers_jax.training.monitor import BestState, PlateauState, StoppingState

Tree = Any
"""A nested dict of arrays."""


@struct.dataclass
class TrainState:
    """The state on the devices, replicated. `step` counts all batches of the run.

    `ema` is the moving average of the trainable `params` and of `batch_stats`; `{}` if there is none.
    """

    step: Tree
    params: Tree
    batch_stats: Tree
    opt_state: Tree
    ema: Tree = struct.field(default_factory=dict)


def split_params(params: Tree, frozen: Collection[str]) -> tuple[Tree, Tree]:
    """(trainable, frozen). `frozen` are paths; everything below them is frozen too."""
    flat = traverse_util.flatten_dict(params, sep="/")
    fixed = {path for path in flat if is_below(path, frozen)}
    kept, trainable = ({path: leaf for path, leaf in flat.items() if (path in fixed) == side} for side in (True, False))
    return traverse_util.unflatten_dict(trainable, sep="/"), traverse_util.unflatten_dict(kept, sep="/")


def parameter_counts(params: Tree, frozen: Collection[str]) -> tuple[int, int]:
    """(trainable, all), without BatchNorm statistics."""
    trainable, _ = split_params(params, frozen)

    def size(tree: Tree) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(tree))

    return size(trainable), size(params)


def merge_params(trainable: Tree, fixed: Tree) -> Tree:
    """The inverse of `split_params`."""
    both = (traverse_util.flatten_dict(tree, sep="/") for tree in (trainable, fixed))
    return traverse_util.unflatten_dict({path: leaf for flat in both for path, leaf in flat.items()}, sep="/")


def eval_variables(state: TrainState, frozen: Collection[str]) -> dict[str, Tree]:
    """The variables that predict: the moving average, if there is one."""
    if not state.ema:
        return {"params": state.params, "batch_stats": state.batch_stats}
    return state.ema | {"params": merge_params(state.ema["params"], split_params(state.params, frozen)[1])}


@dataclass(frozen=True)
class EpochSums:
    """The sums of an epoch so far, in float64 and in the order of the batches, so a resumed epoch has equal sums."""

    batches: int = 0
    loss: float = 0.0
    correct: int = 0
    examples: int = 0
    seconds: float = 0.0
    data_wait_seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """The position of the loop. `epoch` counts finished epochs, `phase_epoch` those of phase number `phase`. `sums`
    belong to the current epoch.

    The model of the run so far is that of `model_epoch`, in checkpoint number `model_checkpoint`. `rows` are those of
    `metrics.csv`. `device_counts` are the different numbers of devices that the steps ran on, sorted. `callbacks` are
    the states of the callbacks, None for one without. `stop_reason` is not empty if a callback has stopped the run.
    """

    plateau: PlateauState
    stopping: StoppingState = field(default_factory=StoppingState)
    best: BestState = field(default_factory=BestState)
    best_epoch: int = 0
    model_epoch: int = 0
    model_checkpoint: int = 0
    epoch: int = 0
    phase: int = 0
    phase_epoch: int = 0
    sums: EpochSums = field(default_factory=EpochSums)
    seconds: float = 0.0
    rows: tuple[dict[str, Any], ...] = ()
    device_counts: tuple[int, ...] = ()
    callbacks: tuple[Any, ...] = ()
    stop_reason: str = ""

    def on_devices(self, count: int) -> "Progress":
        """The same, and the next steps run on `count` devices."""
        return replace(self, device_counts=tuple(sorted({*self.device_counts, count})))

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        return values | {name: values[name]._asdict() for name in ("plateau", "stopping", "best")}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Progress":
        parts = {"plateau": PlateauState, "stopping": StoppingState, "best": BestState, "sums": EpochSums}
        built = {name: kind(**values[name]) for name, kind in parts.items()}
        # Older checkpoints do not have them all.
        lists = {name: tuple(values.get(name, ())) for name in ("rows", "device_counts", "callbacks")}
        return cls(**{**values, **built, **lists})
