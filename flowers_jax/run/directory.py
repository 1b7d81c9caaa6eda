"""The plain files of a run directory, each written to a temporary name, synced and renamed."""

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowers_jax import config as config_lib
from flowers_jax.data.dataset import Example
from flowers_jax.errors import UsageError
from flowers_jax.types import Config

METRICS_COLUMNS = (
    "epoch", "phase", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate",
    "images_per_second", "data_wait_seconds", "seconds",
)  # fmt: skip


class RunDirectory:
    """Reads and writes `config.json`, `model.json`, `splits.csv`, `metrics.csv` and `summary.json` of one folder."""

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser().absolute()

    @classmethod
    def existing(cls, path: str | Path) -> "RunDirectory":
        """The directory of a run that has begun.

        Raises:
            UsageError: it is none.
        """
        run = cls(path)
        if not (run.path / "model.json").is_file():
            raise UsageError(f"--run={path}: no run directory (no model.json in it); train.py prints where it writes")
        return run

    def check(self, config: Config) -> bool:
        """Whether there is a run with this config to go on with; writes nothing.

        Raises:
            UsageError: the place is a file, cannot be written, or belongs to something else.
        """
        flag = f"--workdir={self.path}"
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{flag}: is a file; give a new folder or one of an unfinished run")
        self._check_writable(flag)
        if not self.path.is_dir() or not any(self.path.iterdir()):
            return False
        if not (self.path / "config.json").is_file():
            raise UsageError(f"{flag}: is not empty and holds no run (no config.json); give another folder")
        if differing := config_lib.differing_keys(self.read_config(), config):
            raise UsageError(
                f"{flag}: belongs to a run with another config: {'; '.join(differing)}; "
                "give another --workdir, or the same config"
            )
        return True

    def _check_writable(self, flag: str) -> None:
        """Try it, for permissions, read-only mounts and quotas say no in different places; leave no trace."""
        made: list[Path] = []
        try:
            for folder in reversed((self.path, *self.path.parents)):
                if not folder.exists():
                    folder.mkdir()
                    made.append(folder)
            tempfile.TemporaryFile(dir=self.path).close()
        except OSError as error:
            raise UsageError(f"{flag}: cannot be written ({error.strerror or error}); give another folder") from error
        finally:
            for folder in reversed(made):
                folder.rmdir()

    def read_config(self) -> Config:
        values = self._read_json("config.json")
        return config_lib.from_flat({key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})

    def write_config(self, config: Config) -> None:
        self._write_json("config.json", config_lib.flatten(config))

    def read_model(self) -> dict[str, Any]:
        return self._read_json("model.json")

    def write_model(self, description: Mapping[str, Any]) -> None:
        self._write_json("model.json", description)

    def read_summary(self) -> dict[str, Any] | None:
        """None while the run is not finished."""
        return self._read_json("summary.json") if (self.path / "summary.json").is_file() else None

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        self._write_json("summary.json", summary)

    def read_splits(self) -> dict[str, dict[str, str]]:
        """Rows of `splits.csv` by path."""
        return {row["path"]: row for row in self._read_csv("splits.csv")}

    def write_splits(self, examples: Iterable[Example], classes: Sequence[str]) -> None:
        rows = ({"path": e.path, "label": classes[e.label], "split": e.split, "sha256": e.sha256} for e in examples)
        self._write_csv("splits.csv", ("path", "label", "split", "sha256"), rows)

    def read_metrics(self) -> list[dict[str, str]]:
        return self._read_csv("metrics.csv")

    def write_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._write_csv("metrics.csv", METRICS_COLUMNS, rows)

    def apply_splits(self, examples: Sequence[Example], classes: Sequence[str]) -> list[Example]:
        """The examples of an existing run in its order and with its splits; files that came since are left out.

        Raises:
            UsageError: a file of the run is gone, or has another content or class.
        """
        known = {example.path: example for example in examples}
        applied = []
        for path, row in self.read_splits().items():
            example = known.get(path)
            if example is None or example.sha256 != row["sha256"] or classes[example.label] != row["label"]:
                what = "is gone" if example is None else "has changed"
                raise UsageError(
                    f"{path} {what} since {self.path / 'splits.csv'} was written: "
                    "bring it back, or start anew with another --workdir"
                )
            applied.append(replace(example, split=row["split"]))
        return applied

    def _read_json(self, name: str) -> Any:
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{self.path / name}: damaged ({error}); give another run directory") from error

    def _write_json(self, name: str, value: Any) -> None:
        self._write(name, json.dumps(value, indent=2, allow_nan=False) + "\n")

    def _read_csv(self, name: str) -> list[dict[str, str]]:
        path = self.path / name
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return list(csv.DictReader(file))

    def _write_csv(self, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self._write(name, text.getvalue())

    def _write(self, name: str, text: str) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self.path / f".{name}.partial"
        # surrogateescape: file names that are not UTF-8 keep their bytes
        with partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path / name)
