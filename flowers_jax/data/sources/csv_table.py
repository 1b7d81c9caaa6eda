"""A table of photographs: a CSV file with the columns path, label and, if you like, split and group.

Source: RFC 4180, in UTF-8 with or without a byte order mark.
"""

import csv
import os
import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path

from flowers_jax.config_types import Config, Data
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.decode import DecodeError, read_photograph
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.data.split import PARTS
from flowers_jax.errors import UsageError

MISSING = "no such file"
COLUMNS = ("path", "label", "split", "group")
"""The columns, each called as `data.csv_path` and so on say; the last two may be absent."""

Record = tuple[int, list[str]]
"""The number of its first line, from 1, and its fields."""


def load_csv(config: Config) -> Dataset:
    """The photographs of the table that `data.csv` names. Paths are relative to its folder.

    A file that is missing is skipped.

    Raises:
        UsageError: no such table, a wrong header or line, or none of the files is there.
    """
    data = config.data
    if not data.csv:
        raise UsageError("--config.data.name=csv: give --config.data.csv=FILE")
    file = Path(os.path.expanduser(data.csv))
    try:
        candidates = list(_candidates(_records(file), data))
    except UsageError as error:
        raise UsageError(f"--config.data.csv={data.csv}: {error}") from error
    found = collect(
        file.name,
        "the table that config.data.csv names",
        candidates,
        lambda path: _read(file.parent, path, data),
        data,
        source=f"csv {file.resolve()}",
    )
    if all(skipped.reason == MISSING for skipped in found.skipped) and not found.examples:
        raise UsageError(
            f"--config.data.csv={data.csv}: none of its {len(candidates)} files is there, the first is "
            f"{candidates[0].path}; paths are relative to {file.parent.resolve()}"
        )
    return found


def _read(folder: Path, path: str, data: Data) -> bytes:
    inside = Path(os.path.realpath(folder / path)).is_relative_to(os.path.realpath(folder))
    if not inside and not data.follow_links:
        raise DecodeError("link out of the folder (follow_links reads it)")
    try:
        return read_photograph(folder / path, data.max_pixels)
    except FileNotFoundError:
        raise DecodeError(MISSING) from None


def _records(file: Path) -> Iterator[Record]:
    """Each record that is not an empty line."""
    line = 1
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for fields in reader:
                if fields:
                    yield line, fields
                line = reader.line_num + 1
    except FileNotFoundError:
        raise UsageError("no such file; give a CSV file with the columns path and label") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"is not UTF-8 ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise UsageError(f"line {line} is no CSV ({error})") from error
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror or error})") from error


def _candidates(records: Iterator[Record], data: Data) -> Iterator[Candidate]:
    """A candidate of each record after the header.

    Raises:
        UsageError: a column is missing, or a record is wrong; the message names its line.
    """
    _, header = next(records, (1, []))
    columns, line_of, parts = _columns(header, data), dict[str, int](), dict[bool, int]()
    for line, fields in records:
        if len(fields) != len(header):
            raise UsageError(f"line {line} has {len(fields)} fields, and the header has {len(header)}")
        cell = {name: fields[column] for name, column in columns.items()}
        path = _path(cell["path"], line, data)
        if not cell["label"].strip():
            raise UsageError(f"line {line}: the label of {path} is empty")
        if (first := line_of.setdefault(path, line)) != line:
            raise UsageError(f"lines {first} and {line} are both of {path}; keep one")
        part = _part(cell.get("split", ""), line)
        parts.setdefault(bool(part), line)
        if len(parts) > 1:
            raise UsageError(
                f"line {parts[True]} has a part and line {parts[False]} has none; give every line one of "
                f"{', '.join(PARTS)}, or none"
            )
        yield Candidate(path, cell["label"], part, cell.get("group", ""))
    if not line_of:
        raise UsageError("has a header and no lines below it")


def _columns(header: Sequence[str], data: Data) -> dict[str, int]:
    """Where each of `COLUMNS` is; an optional one under its own name may be absent."""
    columns = {}
    for name in COLUMNS:
        called = getattr(data, f"csv_{name}")
        if header.count(called) > 1:
            raise UsageError(f"has two columns {called}; rename one")
        if called in header:
            columns[name] = header.index(called)
        elif name in ("path", "label") or called not in ("", name):
            has = f"its first line is {','.join(header)!r}" if header else "it is empty"
            raise UsageError(f"has no column {called}, {has}; --config.data.csv_{name} names the column of the {name}")
    if "group" in columns and data.group_pattern:
        raise UsageError(
            f"has a column {data.csv_group}, and --config.data.group_pattern={data.group_pattern} is given too; leave "
            "that out, or give --config.data.csv_group= for no column"
        )
    return columns


def _path(text: str, line: int, data: Data) -> str:
    """The path without `.` and `..` inside it."""
    if not text.strip() or "\0" in text:
        raise UsageError(f"line {line}: the path {text!r} is none")
    path = posixpath.normpath(text)
    if (posixpath.isabs(path) or path.split("/")[0] == "..") and not data.follow_links:
        what = "is absolute" if posixpath.isabs(path) else "leads out of the folder of the table"
        raise UsageError(
            f"line {line}: {text} {what}; give a path relative to that folder, or --config.data.follow_links=True"
        )
    return path


def _part(text: str, line: int) -> str:
    if text.strip() and text.strip().lower() not in PARTS:
        raise UsageError(f"line {line}: the part {text} is none of {', '.join(PARTS)}")
    return PARTS[text.strip().lower()] if text.strip() else ""


register(Source("csv", load_csv))
