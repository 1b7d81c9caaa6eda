"""Where a configuration comes from: a config file with overrides, another configuration, a run's `config.json`."""

import difflib
import os
import runpy
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from flowers_jax.config.checks import MOVED, check_known, checked, option_name, options_of, wrong_type
from flowers_jax.config.keys import KEYS, OPTIONS, flatten, models
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError


def load(path: str, overrides: Iterable[tuple[str, str]] = ()) -> Config:
    """The checked config of a ready-made config's name or of a Python file with a `get_config()`.

    Args:
        overrides: (key, text), as on the command line.

    Raises:
        UsageError: the file is none, or `validate` refuses.
    """
    values, overrides = flatten(_read(path)), list(overrides)
    for name, text in overrides:
        if not name.startswith(OPTIONS):
            check_known([name])
            values[name] = _parse(name, text, KEYS[name].default)
    if of_options := [(name, text) for name, text in overrides if name.startswith(OPTIONS)]:
        model = values.get("model.name")  # an override may name the model, so its options come last
        options = options_of(model)
        for name, text in of_options:
            values[name] = _parse(name, text, options[option_name(name, str(model), options)].default)
    return checked(values)


def replace(config: Config, changes: Mapping[str, Any]) -> Config:
    """Another config: `replace(config, {"epochs": 3, "data.dir": "photographs"})`.

    Another `model.name` brings the defaults of that model's options.

    Raises:
        UsageError: `validate` refuses.
    """
    values = flatten(config)
    if changes.get("model.name", config.model.name) != config.model.name:
        values = {name: value for name, value in values.items() if not name.startswith(OPTIONS)}
    return checked(values | dict(changes))


def from_flat(values: Mapping[str, Any]) -> Config:
    """The inverse of `flatten`, checked: how `config.json` is read back.

    A key that an older run did not have takes its default. A model from outside the package is not imported, so its
    options are taken as they are.

    Raises:
        UsageError: `validate` refuses.
    """
    name = values.get("model.name")
    ours = models().MODELS.get(name) if isinstance(name, str) else None
    flat = {key: declared.default for key, declared in KEYS.items()}
    for old, value in values.items():
        key = MOVED.get(old, old)
        if key == old or (ours and key.removeprefix(OPTIONS) in ours.options):
            flat[key] = value
    return checked(flat, trusted=False)


def ready_made() -> dict[str, Path]:
    """The config files of the package by name: of the installed one, or of the checkout that it stands in."""
    try:
        folder = Path(str(resources.files("flowers_jax.configs")))
    except ModuleNotFoundError:  # a checkout on the path, which nothing has installed
        folder = Path(str(resources.files("flowers_jax"))).parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def _read(path: str) -> ConfigDict:
    if not os.path.isfile(path):
        names = ready_made()
        if path not in names:
            near = difflib.get_close_matches(path, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"give {', '.join(names)}, or a file"
            raise UsageError(f"--config={path}: no such file, and no ready-made config; {hint}")
        path = str(names[path])
    try:
        config = runpy.run_path(path)["get_config"]()
    except Exception as error:  # whatever a config file does wrong is its author's to read in one line
        raise UsageError(f"--config={path}: {type(error).__name__}: {error}") from error
    if not isinstance(config, ConfigDict):
        raise UsageError(f"--config={path}: get_config() returns {type(config).__name__}, not a ConfigDict")
    return config


def _parse(name: str, text: str, default: Any) -> Any:
    """Command-line text as the type of the key's default."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if isinstance(default, tuple):
            return tuple(float(part) for part in text.strip("() ").split(",") if part)
        return type(default)(text)
    except (ValueError, KeyError):
        raise wrong_type(name, text, default) from None
