"""Everything that changes while training: arrays on the device, and progress on the host."""

from dataclasses import asdict, dataclass, field
from typing import Any

from flax import struct

from flowers_jax.training.monitor import BestState, PlateauState, StoppingState

Tree = Any
"""A nested dict of arrays."""


@struct.dataclass
class TrainState:
    """On the device, replicated. `step` counts batches since the first."""

    step: Tree
    params: Tree
    batch_stats: Tree
    opt_state: Tree


@dataclass(frozen=True)
class EpochSums:
    """What an epoch has added up so far; float64, in the order of the batches, so that a resumed epoch is equal."""

    batches: int = 0
    loss: float = 0.0
    correct: int = 0
    examples: int = 0
    seconds: float = 0.0
    data_wait_seconds: float = 0.0


@dataclass(frozen=True)
class Progress:
    """Where the loop is. `epoch` counts whole epochs; `sums` belong to the one after.

    The model of the run so far is that of `model_epoch`, kept as checkpoint number `model_checkpoint`.
    """

    plateau: PlateauState
    stopping: StoppingState = field(default_factory=StoppingState)
    best: BestState = field(default_factory=BestState)
    best_epoch: int = 0
    model_epoch: int = 0
    model_checkpoint: int = 0
    epoch: int = 0
    sums: EpochSums = field(default_factory=EpochSums)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        return values | {name: values[name]._asdict() for name in ("plateau", "stopping", "best")}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Progress":
        parts = {"plateau": PlateauState, "stopping": StoppingState, "best": BestState, "sums": EpochSums}
        return cls(**values | {name: kind(**values[name]) for name, kind in parts.items()})
