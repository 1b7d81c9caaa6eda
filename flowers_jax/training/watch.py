"""The three monitors of a run with the settings of its config, and their updates after each epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowers_jax.config_types import Config
from flowers_jax.metrics import Metric, mode_of
from flowers_jax.training.monitor import BestKeeper, EarlyStopping, ReduceLROnPlateau
from flowers_jax.training.state import EpochSums, Progress


@dataclass(frozen=True)
class Watch:
    """Each monitor with the name of the metric it watches.

    Attributes:
        use_best: the model of the run is that of the best epoch, not of the last one.
        cuts: the plateau may cut the learning rate; False where the optimizer needs a constant one.
    """

    plateau: tuple[str, ReduceLROnPlateau]
    stopping: tuple[str, EarlyStopping]
    best: tuple[str, BestKeeper]
    use_best: bool
    cuts: bool = True

    @classmethod
    def from_config(cls, config: Config, columns: Mapping[str, Metric], *, cuts: bool = True) -> "Watch":
        """Args:
        columns: the metrics of the run beside those that every run has, as `metrics.monitored` gives them.
        """
        plateau = ReduceLROnPlateau(
            factor=config.plateau.factor,
            patience=config.plateau.patience,
            min_delta=config.plateau.min_delta,
            cooldown=config.plateau.cooldown,
            min_lr=config.plateau.min_lr,
            mode=mode_of(config.plateau.monitor, columns),
        )
        stopping = EarlyStopping(
            patience=config.early_stopping.patience,
            min_delta=config.early_stopping.min_delta,
            baseline=None if config.early_stopping.baseline == "none" else float(config.early_stopping.baseline),
            start_from_epoch=config.early_stopping.start_from_epoch,
            mode=mode_of(config.early_stopping.monitor, columns),
        )
        return cls(
            plateau=(config.plateau.monitor, plateau),
            stopping=(config.early_stopping.monitor, stopping),
            best=(config.checkpoint.monitor, BestKeeper(mode_of(config.checkpoint.monitor, columns))),
            use_best=config.checkpoint.use == "best",
            cuts=cuts,
        )

    def start(self, learning_rate: float) -> Progress:
        """The progress before the first epoch."""
        return Progress(
            plateau=self.plateau[1].init(learning_rate), stopping=self.stopping[1].init(), best=self.best[1].init()
        )

    def next_phase(self, progress: Progress, learning_rate: float) -> Progress:
        """The progress at the start of the next phase: plateau and stopping start again, the best epoch stays."""
        return replace(
            progress, phase=progress.phase + 1, phase_epoch=0,
            plateau=self.plateau[1].init(learning_rate), stopping=self.stopping[1].init(),
        )  # fmt: skip

    def after_epoch(self, progress: Progress, row: Mapping[str, Any]) -> Progress:
        """The progress after an epoch with this row of `metrics.csv`; the model of the run does not change yet."""
        (plateau_metric, plateau), (stopping_metric, stopping), (best_metric, keeper) = (
            self.plateau, self.stopping, self.best,
        )  # fmt: skip
        best = keeper.update(progress.best, row[best_metric])
        return replace(
            progress,
            plateau=plateau.update(progress.plateau, row[plateau_metric]) if self.cuts else progress.plateau,
            stopping=stopping.update(progress.stopping, row[stopping_metric]),
            best=best,
            best_epoch=row["epoch"] if best.improved else progress.best_epoch,
            epoch=row["epoch"],
            phase_epoch=progress.phase_epoch + 1,
            sums=EpochSums(),
            rows=(*progress.rows, dict(row)),
        )

    def saved(self, progress: Progress, checkpoint: int) -> Progress:
        """The progress to save as checkpoint number `checkpoint`; if the epoch is better, its model is the run's."""
        if self.use_best and not progress.best.improved:
            return progress
        return replace(progress, model_epoch=progress.epoch, model_checkpoint=checkpoint)

    def without_best(self, progress: Progress, checkpoint: int) -> Progress:
        """The progress if the best model is lost: this checkpoint's model takes its place, or none within an epoch."""

        name, keeper = self.best
        epoch, best = 0, keeper.init()
        if not progress.sums.batches:
            epoch, best = progress.epoch, keeper.update(best, progress.rows[-1][name])
        return replace(
            progress, best=best, best_epoch=epoch, model_epoch=epoch, model_checkpoint=checkpoint if epoch else 0
        )
