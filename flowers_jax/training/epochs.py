"""The epochs of a run on a terminal: a bar for each phase, and a line for each epoch."""

from collections.abc import Mapping
from typing import Any

from flowers_jax.metrics import PLAIN
from flowers_jax.runtime import progress
from flowers_jax.training.phases import Phase
from flowers_jax.training.state import Progress


def legend(monitor: str, use: str) -> str:
    """What the line of an epoch has; it is printed once.

    Args:
        use: which epoch's model is the run's, `config.checkpoint.use`.
    """
    return (
        "each epoch: loss and accuracy on the training photographs (train) and on the validation photographs (val),\n"
        f"            learning rate (lr), photographs a second, seconds; * marks the best {monitor} so far,\n"
        f"            and the model of the {use} epoch is kept (checkpoint.use)"
    )


class EpochBar:
    """The bar of a phase: images per second, time left, the learning rate that the row of `metrics.csv` will have, and
    the best value so far.
    """

    def __init__(self, phase: Phase, images: int, done: Progress, monitor: str):
        self.phase, self.monitor = phase, monitor
        before = done.phase_epoch * images + done.sums.examples
        self.bar = progress.Bar(phase.name, phase.epochs * images, done=before)

    def start_epoch(self, done: Progress) -> None:
        best = f"{done.best.best:.4f} @ {done.best_epoch}" if done.best_epoch else "-"
        number = f"{done.phase_epoch + 1}/{self.phase.epochs}"
        rate = self.phase.learning_rate_of(done)
        self.bar.describe(f"{self.phase.name} {number}", f"lr {rate:.2g}, best {self.monitor} {best}")

    def step(self, examples: int) -> None:
        self.bar.advance(examples)

    def epoch_line(self, row: Mapping[str, Any], done: Progress) -> None:
        monitored = f"{self.monitor} {row[self.monitor]:.4f}  " if self.monitor not in PLAIN else ""
        line = (
            f"epoch {row['epoch']:>3} {row['phase']:<8}  train {row['train_loss']:.4f} {row['train_accuracy']:.1%}  "
            f"val {row['val_loss']:.4f} {row['val_accuracy']:.1%}  {monitored}lr {row['learning_rate']:.2g}  "
            f"{row['images_per_second']:.0f} img/s  {row['seconds']:.1f} s"
        )
        print(progress.styled(f"{line} *", "green") if done.best.improved else line, flush=True)

    def close(self) -> None:
        self.bar.close()
