"""Plain files of one folder, each written to a temporary name, synced and renamed.

`manifest.json` lists the files that must be trusted, each only while it is complete. A file that is not listed was not
finished. Of several processes that train together only the first one writes.
"""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowers_jax.errors import UsageError
from flowers_jax.run import seal
from flowers_jax.runtime import processes
from flowers_jax.storage import atomic

TRUSTED = ("config.json", "model.json", "splits.csv", "predictions.csv", "summary.json")


class Files:
    """Reads and writes JSON and CSV below `path`."""

    def __init__(self, path: str | Path):
        self.path = Path(os.path.expanduser(path)).absolute()

    def listed(self, name: str) -> bool:
        """Whether the file was finished."""
        return name in self._sums()

    def read_json(self, name: str) -> dict[str, Any]:
        text = self._read(name)
        try:
            values = json.loads(text)
        except ValueError as error:
            raise self._damaged(name, str(error)) from error
        if not isinstance(values, dict):
            raise self._damaged(name, "no JSON object")
        return values

    def write_json(self, name: str, value: Any) -> None:
        """Write JSON, completely or not at all."""
        self._write(name, json.dumps(value, indent=2, allow_nan=False) + "\n")

    def read_csv(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self._read(name), newline="")))

    def write_csv(self, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        """Write CSV with RFC 4180 quoting, completely or not at all."""
        text = io.StringIO()
        for row in ({column: column for column in columns}, *rows):
            line = io.StringIO()
            # With "\r\n" the writer quotes every field that contains \r or \n, as RFC 4180 asks; the file has \n.
            csv.DictWriter(line, columns, lineterminator="\r\n").writerow(row)
            text.write(line.getvalue().removesuffix("\r\n") + "\n")
        self._write(name, text.getvalue())

    def _read(self, name: str) -> str:
        """The text of a file.

        Raises:
            UsageError: it is missing, or has changed since it was written.
        """
        if not os.path.isfile(self.path / name):
            raise self._damaged(name, "it is missing")
        data, listed = (self.path / name).read_bytes(), self._sums().get(name)
        if listed and hashlib.sha256(data).hexdigest() != listed:
            raise self._damaged(name, f"its SHA-256 is not that in {seal.NAME}")
        # surrogateescape: file names that are not UTF-8 keep their bytes
        return data.decode("utf-8", "surrogateescape")

    def _write(self, name: str, text: str) -> None:
        if not processes.is_first():
            return
        if name in TRUSTED:
            self.unlist(name)
        data = text.encode("utf-8", "surrogateescape")
        with atomic.replacing(self.path / name) as partial:
            partial.write_bytes(data)
        if name in TRUSTED:
            seal.write(self.path, self._sums() | {name: hashlib.sha256(data).hexdigest()})

    def unlist(self, name: str) -> None:
        """Mark the file as not finished."""
        if not processes.is_first():
            return
        sums = self._sums()
        if sums.pop(name, None):
            seal.write(self.path, sums)

    def _sums(self) -> dict[str, str]:
        try:
            return seal.read(self.path)
        except ValueError as error:
            raise self._damaged(seal.NAME, str(error)) from error

    def _damaged(self, name: str, how: str) -> UsageError:
        return UsageError(f"{self.path / name}: damaged ({how}); restore a copy, or give another run directory")
