"""Watching a metric once an epoch, with Keras's meaning of every setting.

Sources: Keras `callbacks/monitor_callback.py`, `reduce_lr_on_plateau.py`, `early_stopping.py`,
`model_checkpoint.py`. States are small immutable values held on the host (Python floats are float64; a float32
rate would leave Keras's at the fourth cut) and go into the checkpoint as JSON. One difference is meant: NaN never
becomes the best.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Monitor:
    """When a value counts as better: strictly, by more than `min_delta`."""

    mode: str = "min"
    min_delta: float = 0.0

    def __post_init__(self):
        if self.mode not in ("min", "max"):
            raise ValueError(f"mode {self.mode!r}: must be 'min' or 'max'")

    def improves(self, value: float, best: float | None) -> bool:
        if math.isnan(value):
            return False
        if best is None:
            return True
        if self.mode == "min":
            return value + self.min_delta < best
        return value - self.min_delta > best


def mode_of(metric: str) -> str:
    """`max` for accuracies, `min` for losses."""
    return "max" if metric.endswith("accuracy") else "min"


class PlateauState(NamedTuple):
    """State of `ReduceLROnPlateau`; `lr` is the rate of the next epoch."""

    lr: float
    best: float | None = None
    wait: int = 0
    cooldown: int = 0


@dataclass(frozen=True)
class ReduceLROnPlateau:
    """Multiply the learning rate by `factor` after `patience` epochs without improvement.

    During `cooldown` epochs after a cut, bad epochs do not count. `min_lr` is the lowest rate, absolute.
    """

    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0
    mode: str = "min"

    def init(self, learning_rate: float) -> PlateauState:
        return PlateauState(lr=float(learning_rate))

    def update(self, state: PlateauState, value: float) -> PlateauState:
        """The state after an epoch that ended with `value`."""
        if state.cooldown:
            state = state._replace(cooldown=state.cooldown - 1, wait=0)
        if Monitor(self.mode, self.min_delta).improves(value, state.best):
            return state._replace(best=float(value), wait=0)
        if state.cooldown:
            return state
        state = state._replace(wait=state.wait + 1)
        if state.wait < self.patience or state.lr <= self.min_lr:
            return state
        return state._replace(lr=max(state.lr * self.factor, self.min_lr), cooldown=self.cooldown, wait=0)


class StoppingState(NamedTuple):
    """State of `EarlyStopping`; `improved` speaks of the last epoch, `epoch` counts them."""

    best: float | None = None
    wait: int = 0
    stop: bool = False
    improved: bool = False
    epoch: int = 0


@dataclass(frozen=True)
class EarlyStopping:
    """Stop at the `patience`-th epoch in a row without improvement, but never at the first epoch.

    Epochs before `start_from_epoch` (from 0) are not looked at. With a `baseline`, only an epoch that beats it too
    resets the count.
    """

    patience: int = 0
    min_delta: float = 0.0
    baseline: float | None = None
    start_from_epoch: int = 0
    mode: str = "min"

    def init(self) -> StoppingState:
        return StoppingState()

    def update(self, state: StoppingState, value: float) -> StoppingState:
        """The state after an epoch that ended with `value`."""
        epoch, state = state.epoch, state._replace(epoch=state.epoch + 1, improved=False)
        if epoch < self.start_from_epoch:
            return state
        monitor = Monitor(self.mode, self.min_delta)
        wait = state.wait + 1
        if monitor.improves(value, state.best):
            beats_baseline = self.baseline is None or monitor.improves(value, self.baseline)
            return state._replace(best=float(value), improved=True, wait=0 if beats_baseline else wait)
        return state._replace(wait=wait, stop=state.stop or (wait >= self.patience and epoch > 0))


class BestState(NamedTuple):
    """State of `BestKeeper`; `improved` speaks of the last epoch."""

    best: float | None = None
    improved: bool = False


@dataclass(frozen=True)
class BestKeeper:
    """Which epoch's weights to keep: Keras's `ModelCheckpoint(save_best_only=True)`."""

    mode: str = "min"

    def init(self) -> BestState:
        return BestState()

    def update(self, state: BestState, value: float) -> BestState:
        """The state after an epoch that ended with `value`."""
        if Monitor(self.mode).improves(value, state.best):
            return BestState(float(value), True)
        return state._replace(improved=False)
