"""Loads the photographs of a configuration, from one of the sources of this folder or from one outside the package."""

import dataclasses
import os
from pathlib import Path
from typing import Any

from flowers_jax.config_key import Key
from flowers_jax.config_types import Config, Data
from flowers_jax.data.checks import groups
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.prepared_file import SUFFIX
from flowers_jax.data.sources import (
    arrays,
    auto,
    csv_table,
    flower_species,
    folder,
    prepared,
    procedural,
    tf_flowers,
    tfds,
)
from flowers_jax.data.sources.registry import SOURCES, Source, find, is_name, is_outside, register
from flowers_jax.errors import UsageError, nearest

__all__ = [
    "SOURCES", "Source", "arrays", "auto", "csv_table", "find", "flag", "flower_species", "folder", "from_arrays",
    "from_keys", "is_outside", "load", "load_named", "prepared", "procedural", "register", "tf_flowers", "tfds",
]  # fmt: skip

NAMING = ("name", "dir", "csv", "array", "csv_path", "csv_label", "csv_split", "csv_group", "group_pattern",
          "group_similar", "follow_links", "max_pixels")  # fmt: skip
"""The keys of `config.data` that decide which examples a data set has."""

FILES = {"dir": "folder", "csv": "csv", "array": prepared.NAME}
"""The keys of `config.data` that win over `name`, and their sources."""


def load(config: Config, chosen: str = "") -> Dataset:
    """Every usable photograph of `config.data`, hashed and checked. `checks.review.review` takes copies out.

    Args:
        chosen: the name of the data set that `auto` came to when a run began, for a run that resumes. Photographs
            that came since need no group then.

    Raises:
        UsageError: it is not available, or the keys contradict each other.
    """
    data = config.data
    given = [key for key in FILES if getattr(data, key)]
    if len(given) > 1:
        first, other = (f"--config.data.{key}={getattr(data, key)}" for key in given[1::-1])
        raise UsageError(f"{first}: {other} is given too; leave one out")
    of_name = chosen if chosen and data.name == "auto" else data.name
    found = find(FILES[given[0]] if given else of_name).load(config)
    if data.group_pattern:
        found = groups.by_pattern(found, data.group_pattern, strict=not chosen)
    return dataclasses.replace(found, origin=_origin(data))


def flag(data: Data) -> str:
    """The flag that names the data, as messages begin."""
    key = next((key for key in FILES if getattr(data, key)), "name")
    return f"--config.data.{key}={getattr(data, key)}"


def key_of_file(text: str) -> str:
    """The key of `config.data` that a path is given by: `dir`, `csv` or `array`."""
    suffix = "" if os.path.isdir(text) else Path(text).suffix.lower()
    return {".csv": "csv", SUFFIX: "array"}.get(suffix, "dir")


def load_named(config: Config, text: str, flag_of_text: str) -> Dataset:
    """`load` of what a command is given, with the other settings of `config.data`.

    Groups are those of a column `group` alone: they matter only where photographs are divided.

    Args:
        text: a folder, a file `*.csv` or `*.npz`, or a source as in `data.name`.
        flag_of_text: the beginning of messages.

    Raises:
        UsageError: as `load`.
    """
    key = key_of_file(text)
    if key == "dir" and not os.path.isdir(text) and is_name(text):
        key = "name"
    plain = {name: getattr(Data(), name) for name in ("name", *FILES, "csv_group", "group_pattern")}
    data = dataclasses.replace(config.data, **plain | {key: text})
    try:
        return load(dataclasses.replace(config, data=data))
    except UsageError as error:  # which names the flag of training
        raise UsageError(str(error).replace(flag(data), flag_of_text, 1)) from error


def from_keys(**keys: Any) -> Dataset:
    """`load` with these keys of `config.data`, and the defaults of the others.

    Raises:
        UsageError: as `load`; or there is no such key, or its value is wrong.
    """
    return load(Config(data=_data(keys)))


def from_arrays(images: Any, labels: Any, classes: Any, split: Any, groups: Any, **keys: Any) -> Dataset:
    """See `Dataset.from_arrays`."""
    data = _data({"name": arrays.NAME} | keys)
    return dataclasses.replace(
        arrays.load_arrays(images, labels, classes, split, groups, data), origin=_origin(data)
    )  # fmt: skip


def _data(keys: dict[str, Any]) -> Data:
    declared: dict[str, Key] = {field.name: field.metadata["key"] for field in dataclasses.fields(Data)}
    for name, value in keys.items():
        if name not in (*NAMING, "workers"):
            raise UsageError(f"{name}={value!r}: a data set has no such key{nearest(name, (*NAMING, 'workers'))}")
        key = declared[name]
        if type(value) is not type(key.default) or not key.rule.holds(value):
            raise UsageError(f"{name}={value!r}: must be {key.rule.words}, as in {name}={key.default!r}")
    return Data(**keys)


def _origin(data: Data) -> dict[str, Any]:
    unread = ("name",) if any(getattr(data, key) for key in FILES) else ()
    return {f"data.{name}": getattr(data, name) for name in NAMING if name not in unread}
