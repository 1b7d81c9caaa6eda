"""Monitors of a metric, updated once per epoch; every setting has Keras's meaning.

Sources: Keras `callbacks/monitor_callback.py`, `reduce_lr_on_plateau.py`, `early_stopping.py`,
`model_checkpoint.py`. States are small immutable values on the host, and JSON in the checkpoint. Python floats are
float64; a float32 rate would differ from Keras's at the fourth reduction. One difference is intended: NaN is never the
best value. Values are compared in float64, as on Keras's NumPy backend; on TensorFlow, JAX and PyTorch, Keras rounds
them to float32 first.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Monitor:
    """Decides when a value is better: strictly, by more than `min_delta`."""

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
            return bool(value + self.min_delta < best)
        return bool(value - self.min_delta > best)


class PlateauState(NamedTuple):
    """State of `ReduceLROnPlateau`; `lr` is the rate of the next epoch, `improved` refers to the last epoch."""

    lr: float
    best: float | None = None
    wait: int = 0
    cooldown: int = 0
    improved: bool = False


@dataclass(frozen=True)
class ReduceLROnPlateau:
    """Multiply the learning rate by `factor` after `patience` epochs without improvement.

    During `cooldown` epochs after a reduction, bad epochs do not count. `min_lr` is the absolute lower bound of the
    reduced rate. A schedule multiplies this rate and may go below the bound.
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
        state = state._replace(improved=False)
        if state.cooldown:
            state = state._replace(cooldown=state.cooldown - 1, wait=0)
        if Monitor(self.mode, self.min_delta).improves(value, state.best):
            return state._replace(best=float(value), wait=0, improved=True)
        if state.cooldown:
            return state
        state = state._replace(wait=state.wait + 1)
        at_the_floor = np.float32(state.lr) <= np.float32(self.min_lr)  # in float32, as in Keras
        if state.wait < self.patience or at_the_floor:
            return state
        return state._replace(lr=max(state.lr * self.factor, self.min_lr), cooldown=self.cooldown, wait=0)


class StoppingState(NamedTuple):
    """State of `EarlyStopping`; `improved` refers to the last epoch, `epoch` counts epochs, `best_epoch` is from 0."""

    best: float | None = None
    wait: int = 0
    stop: bool = False
    improved: bool = False
    epoch: int = 0
    best_epoch: int = 0


@dataclass(frozen=True)
class EarlyStopping:
    """Stop at the `patience`-th epoch in a row without improvement, but never at the first epoch.

    Epochs before `start_from_epoch` (from 0) are ignored. With a `baseline`, an improvement resets the count only if it
    also beats the baseline. `restore_best` determines the epoch of the final model: see `model_epoch`.
    """

    patience: int = 0
    min_delta: float = 0.0
    baseline: float | None = None
    start_from_epoch: int = 0
    mode: str = "min"
    restore_best: bool = False

    def init(self) -> StoppingState:
        return StoppingState()

    def model_epoch(self, state: StoppingState) -> int:
        """The epoch, from 0, of the weights that Keras leaves in the model: the best one with `restore_best`."""
        last = state.epoch - 1
        return state.best_epoch if self.restore_best and last >= self.start_from_epoch else last

    def update(self, state: StoppingState, value: float) -> StoppingState:
        """The state after an epoch that ended with `value`."""
        epoch, state = state.epoch, state._replace(epoch=state.epoch + 1, improved=False)
        if epoch < self.start_from_epoch:
            return state
        if epoch == self.start_from_epoch:
            state = state._replace(best_epoch=epoch)  # the first epoch is the best so far, even if it is NaN
        monitor = Monitor(self.mode, self.min_delta)
        wait = state.wait + 1
        if monitor.improves(value, state.best):
            beats_baseline = self.baseline is None or monitor.improves(value, self.baseline)
            wait = 0 if beats_baseline else wait
            return state._replace(best=float(value), improved=True, wait=wait, best_epoch=epoch)
        return state._replace(wait=wait, stop=state.stop or (wait >= self.patience and epoch > 0))


class BestState(NamedTuple):
    """State of `BestKeeper`; `improved` refers to the last epoch, `wait` counts the epochs since the best."""

    best: float | None = None
    improved: bool = False
    wait: int = 0


@dataclass(frozen=True)
class BestKeeper:
    """Decides which epoch's weights to keep: Keras's `ModelCheckpoint(save_best_only=True)`."""

    mode: str = "min"

    def init(self) -> BestState:
        return BestState()

    def update(self, state: BestState, value: float) -> BestState:
        """The state after an epoch that ended with `value`."""
        if Monitor(self.mode).improves(value, state.best):
            return BestState(float(value), True)
        return state._replace(improved=False, wait=state.wait + 1)
