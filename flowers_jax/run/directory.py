"""The plain files of a run directory, and whether a run may start or resume there."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.errors import UsageError
from flowers_jax.run import lock, seal
from flowers_jax.run.files import Files
from flowers_jax.runtime import processes
from flowers_jax.storage import atomic

METRICS_COLUMNS = (
    "epoch", "phase", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate",
    "images_per_second", "data_wait_seconds", "seconds",
)  # fmt: skip


DATASET = "dataset."
"""How what `config.json` says of the photographs begins."""

REPORT = "report.html"
"""The page that a run ends with."""

PREDICTIONS_COLUMNS = ("path", "label", "predicted", "probability")


class RunDirectory(Files):
    """Reads and writes the files of a run; each method names its file."""

    @classmethod
    def existing(cls, path: str | Path) -> "RunDirectory":
        """The directory of a started run.

        Raises:
            UsageError: it is not one.
        """
        run = cls(path)
        if not (run.path / "model.json").is_file():
            raise UsageError(f"--run={path}: no run directory (no model.json in it); train.py prints where it writes")
        if not run.listed("model.json"):
            raise UsageError(f"--run={path}: its {seal.NAME} is missing, so its files cannot be verified")
        return run

    def check(self, config: Config) -> bool:
        """Whether a run with this config exists and can be resumed; writes nothing.

        Raises:
            UsageError: the path is a file, cannot be read, or belongs to another run or program.
        """
        flag = f"--workdir={self.path}"
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise UsageError(f"{flag}: is a file; give a new folder or one of an unfinished run")
        try:
            inside = (
                [name for name in os.listdir(self.path) if not _is_leftover(name)] if os.path.isdir(self.path) else []
            )
        except OSError as error:
            raise UsageError(f"{flag}: cannot be read ({error.strerror or error}); give another folder") from error
        if not inside:
            return False
        if "config.json" not in inside:
            raise UsageError(f"{flag}: is not empty and holds no run (no config.json); give another folder")
        if differing := config_lib.differing_keys(self.read_config(), config):
            raise UsageError(
                f"{flag}: belongs to a run with another config: {'; '.join(differing)}; "
                "give another --workdir, or the same config"
            )
        if self.listed("model.json") and self.listed("splits.csv"):
            return True
        if "checkpoints" in inside and os.listdir(self.path / "checkpoints"):
            raise UsageError(
                f"{flag}: its {seal.NAME} is missing, so its checkpoints cannot be verified; "
                "restore it, or give another folder"
            )
        return False  # the run stopped before it wrote anything

    def check_writable(self) -> None:
        """Test it by writing, because permissions, read-only mounts and quotas fail in different calls; leave no trace.

        Raises:
            UsageError: it cannot be written.
        """
        made: list[Path] = []
        try:
            for folder in reversed((self.path, *self.path.parents)):
                if not os.path.isdir(folder):
                    folder.mkdir(exist_ok=True)
                    made.append(folder)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            why = error.strerror or error
            raise UsageError(f"--workdir={self.path}: cannot be written ({why}); give another folder") from error
        finally:
            for folder in reversed(made):
                with contextlib.suppress(OSError):  # another run may have started in it
                    folder.rmdir()

    def read_config(self) -> Config:
        """The config of the run.

        Raises:
            UsageError: `config.json` is damaged, or another program wrote it.
        """
        values = {name: value for name, value in self.read_json("config.json").items() if not name.startswith(DATASET)}
        try:
            return config_lib.from_flat(values)
        except UsageError as error:
            raise UsageError(f"{self.path / 'config.json'} was not written by this version: {error}") from error

    def write_config(self, config: Config, dataset: Mapping[str, Any] | None = None) -> None:
        """Write every key, and what the photographs of the run are, which no key decides: `dataset.source`, ..."""
        of_data = {f"{DATASET}{name}": value for name, value in (dataset or {}).items()}
        self.write_json("config.json", config_lib.flatten(config) | of_data)

    def read_model(self) -> dict[str, Any]:
        return self.read_json("model.json")

    def write_model(self, description: Mapping[str, Any]) -> None:
        self.write_json("model.json", description)

    def read_summary(self) -> dict[str, Any] | None:
        """None while the run is not finished."""
        finished = self.listed("summary.json") and (self.path / "summary.json").is_file()
        return self.read_json("summary.json") if finished else None

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        self.write_json("summary.json", summary)

    def forget_summary(self) -> None:
        self.unlist("summary.json")
        if processes.is_first():
            (self.path / "summary.json").unlink(missing_ok=True)

    def clear_partial(self) -> None:
        """Remove the partial files of a killed process."""
        for partial in self.path.glob(f"{atomic.PARTIAL}*") if processes.is_first() else ():
            shutil.rmtree(partial)

    def read_splits(self) -> dict[str, dict[str, str]]:
        """Rows of `splits.csv` by path."""
        return {row["path"]: row for row in self.read_csv("splits.csv")}

    def write_splits(self, examples: Iterable[Example], classes: Sequence[str]) -> None:
        rows = ({"path": e.path, "label": classes[e.label], "split": e.split, "sha256": e.sha256} for e in examples)
        self.write_csv("splits.csv", ("path", "label", "split", "sha256"), rows)

    def write_metrics(self, rows: Iterable[Mapping[str, Any]], more: Iterable[str] = ()) -> None:
        """Write the rows with the columns that every run has, and `more`."""
        self.write_csv("metrics.csv", (*METRICS_COLUMNS, *more), rows)

    def write_predictions(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.write_csv("predictions.csv", PREDICTIONS_COLUMNS, rows)

    def read_predictions(self) -> list[dict[str, str]]:
        return self.read_csv("predictions.csv")

    def apply_splits(self, dataset: Dataset, classes: Sequence[str]) -> Dataset:
        """The photographs of an existing run in its order, with its splits and classes; newer files are left out.

        Raises:
            UsageError: a file of the run is missing, or its content or class has changed.
        """
        known, rows = {example.path: example for example in dataset.examples}, self.read_splits()
        applied = []
        for path, row in rows.items():
            example = known.get(path)
            same = example and example.sha256 == row["sha256"] and dataset.classes[example.label] == row["label"]
            if example is None or not same:
                what = "is gone" if example is None else "has changed"
                raise UsageError(
                    f"{path} {what} since {self.path / 'splits.csv'} was written: "
                    "restore it, or start a new run with another --workdir"
                )
            applied.append(replace(example, label=classes.index(row["label"]), split=row["split"]))
        skipped = tuple(one for one in dataset.skipped if one.path not in rows)  # without the run's own photographs
        return replace(dataset, examples=tuple(applied), classes=tuple(classes), skipped=skipped)


def _is_leftover(name: str) -> bool:
    """Whether a process that was killed before its run started may have left this file."""
    return name == lock.NAME or name.startswith(atomic.PARTIAL)
