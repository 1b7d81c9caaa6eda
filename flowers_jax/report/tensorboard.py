"""The reporter that writes events for TensorBoard into the run directory: `tensorboard --logdir=runs`."""

from collections.abc import Mapping, Sequence
from typing import Any

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.evaluation import predictions
from flowers_jax.report.first_batch import first_batch
from flowers_jax.report.pictures import FOLDER, drawing
from flowers_jax.runtime import process
from flowers_jax.training.reporting import Row
from flowers_jax.training.setup import Job

EPOCHS, RESULT = "events.out.tfevents.epochs", "events.out.tfevents.result"
"""The files: events of the epochs, to which a resumed run adds its own; and of the finished run, written anew."""

PARTS = {"train": "train", "val": "validation"}
FINAL = ("val_accuracy", "val_loss", "test_accuracy", "test_loss", "test_calibrated_ece")


class TensorBoard:
    """Writes scalars after each epoch, whose number is the step; inputs of the first batch as step 0; and at the end
    the confusion matrix, and the final figures with the keys of the config that differ from the defaults.

    Args:
        pictures: with the inputs and the confusion matrix, which take seconds.
    """

    def __init__(self, pictures: bool = True):
        self.pictures = pictures

    def begin(self, config: Config, job: Job, rows: Sequence[Row]) -> None:
        """What the file has of later epochs than `rows` is void, and what it lacks of them is added."""
        self.config, self.job, self.writes = config, job, False
        self.epochs, self.result = (job.run.path / name for name in (EPOCHS, RESULT))
        if not config.logging.tensorboard:
            return
        self.result.unlink(missing_ok=True)
        known = _events().known_steps(self.epochs)
        self.written = next(count for count in range(len(rows) + 1) if count == len(rows) or count + 1 not in known)
        if known:
            _events().append(self.epochs, [_events().restart(self.written + 1)])
        self.writes = True
        self.epoch(rows)
        if self.pictures and 0 not in known:
            _events().append(self.epochs, [_events().picture("train_batch", self._inputs(), 0)])

    def epoch(self, rows: Sequence[Row]) -> None:
        """Write the row, and those before for which the disk had no room."""
        if not self.writes:
            return
        new = [_events().scalars(_by_tag(row, self.job.columns), row["epoch"]) for row in rows[self.written :]]
        _events().append(self.epochs, new)
        self.written = len(rows)

    def end(self, summary: Mapping[str, Any]) -> None:
        if not self.config.logging.tensorboard:
            return
        step, tested = summary["epochs"], predictions.of_run(self.job.run)
        figures = {f"final/{name}": summary[name] for name in FINAL if summary[name] is not None}
        figures |= {f"final/test_{name}": value for name, value in (summary["test_metrics"] or {}).items()}
        events = [
            *_events().hyperparameters(_differing(self.config), list(figures), step),
            _events().scalars(figures, step),
        ]
        if self.pictures and tested.paths:
            events.append(_events().picture("confusion_matrix", _confusion_matrix(tested), step))
        _events().append(self.result, events)

    def _inputs(self) -> bytes:
        """PNG; `Pictures` may have drawn it, and it takes seconds."""
        drawn = self.job.run.path / FOLDER / "train_batch.png"
        if drawn.exists():
            return drawn.read_bytes()
        of_run, save = drawing()
        ((_, figure),) = of_run.of_batch(first_batch(self.config, self.job), self.job.dataset.classes)
        return save.png(figure)


def _by_tag(row: Row, columns: Mapping[str, Any]) -> dict[str, float]:
    """`train_loss` as `loss/train`, `val_loss` as `loss/validation`.

    Args:
        columns: those of the run beside the columns that every run has.
    """
    values = {"learning_rate": row["learning_rate"]}
    for column in ("train_loss", "val_loss", "train_accuracy", "val_accuracy", *columns):
        part, _, quantity = column.partition("_")
        values[f"{quantity}/{PARTS[part]}"] = row[column]
    return values


def _differing(config: Config) -> dict[str, Any]:
    """The keys that differ from their defaults, and a researcher's own."""
    defaults = config_lib.defaults_of(config)
    differing = {key: value for key, value in config_lib.flatten(config).items() if value != defaults.get(key)}
    return {
        key: value if isinstance(value, (bool, int, float)) else config_lib.text_of(value)
        for key, value in differing.items()
    }


def _confusion_matrix(tested: predictions.Predictions) -> bytes:
    of_run, save = drawing()
    return save.png(dict(of_run.of_test(tested))["confusion_matrix"])


def _events() -> Any:
    """The module that writes. It loads tensorboardX, so it is imported when a run begins."""
    with process.unchanged_by_imports():
        from flowers_jax.report import events
    return events
