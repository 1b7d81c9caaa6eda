"""Where a configuration comes from: a config file with changes, another configuration, a run's `config.json`."""

import inspect
import os
import runpy
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from flowers_jax.config.checks import MOVED, check_known, check_option, checked, wrong_type
from flowers_jax.config.keys import KEYS, USER, flatten, options_of, registries, section_of
from flowers_jax.config_key import ANY, Key
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError, first_line, nearest
from flowers_jax.outside import importable

Changes = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Values by flat key, such as `{"epochs": 3, "data.dir": "photographs"}`; or such pairs."""


def load(path: str | os.PathLike[str], changes: Changes = ()) -> Config:
    """The checked config of a ready-made config's name or of a Python file with a `get_config()`.

    Args:
        path: `mobilenet`, or `my.py`. `my.py:TEXT` calls `get_config(TEXT)`.
        changes: a value that is text is read as on the command line where its key is no text.

    Raises:
        UsageError: the file is none, or `validate` refuses.
    """
    values, given = flatten(_read(os.fspath(path))), dict(changes)
    for name, value in given.items():
        if not section_of(name):
            values[name] = _parsed(name, value, _declared(name, values))
    for name, value in given.items():  # a change may name the part, so its options come last
        if section := section_of(name):
            part = values[f"{section}.name"]
            options = options_of(section, part)
            check_option(name, part, options)
            values[name] = _parsed(name, value, options[name])
    return checked(values)


def replace(config: Config, changes: Mapping[str, Any]) -> Config:
    """Another config: `replace(config, {"epochs": 3, "data.dir": "photographs"})`.

    Another `model.name` brings the defaults of that model's options; so does another `name` of any section.

    Raises:
        UsageError: `validate` refuses.
    """
    values = flatten(config)
    new = {name for name in changes if name.endswith(".name") and changes[name] != values.get(name)}
    kept = {name: value for name, value in values.items() if f"{section_of(name)}.name" not in new}
    return checked(kept | dict(changes))


def from_flat(values: Mapping[str, Any]) -> Config:
    """The inverse of `flatten`, checked: how `config.json` is read back.

    A key that an older run did not have takes its default. A part from outside the package is not imported, so its
    options are taken as they are.

    Raises:
        UsageError: `validate` refuses.
    """
    name = values.get("model.name")
    ours = registries()["model"].get(name) if isinstance(name, str) else None
    flat = {key: declared.default for key, declared in KEYS.items()}
    for old, value in values.items():
        key = MOVED.get(old, old)
        if key == old or key in KEYS or (ours and key.rsplit(".", 1)[-1] in ours.options):
            flat[key] = value
    return checked(flat, trusted=False)


def ready_made() -> dict[str, Path]:
    """The config files of the package by name: of the installed one, or of the checkout that it stands in."""
    try:
        folder = Path(str(resources.files("flowers_jax.configs")))
    except ModuleNotFoundError:  # a checkout on the path, which nothing has installed
        folder = Path(str(resources.files("flowers_jax"))).parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def _read(name: str) -> ConfigDict:
    path, arguments = name, ()
    if not os.path.isfile(path) and ":" in name:
        path, _, argument = name.rpartition(":")
        arguments = (argument,)
    if not os.path.isfile(path):
        names = ready_made()
        if path not in names:
            hint = nearest(path, names, otherwise=f"give {', '.join(names)}, or a file")
            raise UsageError(f"--config={name}: no such file, and no ready-made config{hint}")
        path = str(names[path])
    try:
        with importable(Path(path).resolve().parent):
            get_config = runpy.run_path(path)["get_config"]
            if arguments and not inspect.signature(get_config).parameters:
                raise UsageError(f"--config={name}: get_config() of {path} takes no argument; give {path}")
            config = get_config(*arguments)
    except UsageError:
        raise
    except Exception as error:  # whatever a config file does wrong is its author's to read in one line
        raise UsageError(f"--config={name}: {type(error).__name__}: {first_line(error)}") from error
    if not isinstance(config, ConfigDict):
        raise UsageError(f"--config={name}: get_config() returns {type(config).__name__}, not a ConfigDict")
    return config


def _declared(name: str, values: Mapping[str, Any]) -> Key:
    """The key of that flat name; of a researcher's own, the config file's value is its default.

    Raises:
        UsageError: there is none.
    """
    if not name.startswith(USER):
        check_known([name])
        return KEYS[name]
    if name not in values:
        own = [key for key in values if key.startswith(USER)]
        hint = nearest(name, own, "--config.", otherwise="give it a value in the config file: config.user.KEY = ...")
        raise UsageError(f"--config.{name}: the config file has no such key{hint}")
    default = values[name]
    item = str if isinstance(default, (tuple, list)) and any(isinstance(one, str) for one in default) else float
    return Key(tuple(default) if isinstance(default, list) else default, ANY, "", item)


def _parsed(name: str, value: Any, key: Key) -> Any:
    """Text as the type of the key's default; other values are checked later."""
    if not isinstance(value, str):
        return value
    default = key.default
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "1": True, "0": False}[value.lower()]
        if isinstance(default, tuple):
            return tuple(key.item(part.strip()) for part in value.strip("() ").split(",") if part.strip())
        return value if default is None else type(default)(value)
    except (ValueError, KeyError):
        raise wrong_type(name, value, key) from None
