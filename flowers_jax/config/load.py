"""Reading, overriding and checking configurations. Every refusal is a `UsageError` of one line."""

import difflib
import inspect
import os
import re
import runpy
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from flowers_jax import base_config
from flowers_jax.config_rules import RULES
from flowers_jax.errors import UsageError
from flowers_jax.types import Config

OPTIONS = "model.options."
"""How the keys of a model's own settings begin."""

MOVED = {f"model.{name}": f"{OPTIONS}{name}" for name in ("alpha", "head", "output_stride", "stochastic_depth")}
"""Keys by the names that they had, which the `config.json` of an older run still has."""

MAY_DIFFER_ON_RESUME = ("epochs", "devices", "data.cache", "data.workers", "checkpoint.every_steps",
                        "checkpoint.every_minutes", "checkpoint.keep")  # fmt: skip


class Key(NamedTuple):
    """One key as `--help` shows it."""

    name: str
    default: Any
    comment: str


def describe() -> list[Key]:
    """Every key of the base config with its default and the comment behind it."""
    source = inspect.getsource(base_config.get_config)
    comments = dict(re.findall(r"^    config\.([\w.]+) = .*?  # (.+)$", source, flags=re.M))
    defaults = flatten(base_config.get_config())
    in_order = [name for name in comments if name in defaults]
    return [Key(name, defaults[name], comments.get(name, "")) for name in [*in_order, *(defaults.keys() - comments)]]


def describe_options() -> list[Key]:
    """Every option of every model of the package."""
    return [
        Key(f"{OPTIONS}{name}", option.default, f"{option.help} ({spec.name})")
        for spec in _models().MODELS.values()
        for name, option in spec.options.items()
    ]


def defaults_of(config: Config) -> dict[str, Any]:
    """The default of every key that a config of this model has, its options too."""
    return flatten(base_config.get_config()) | {
        f"{OPTIONS}{name}": option.default for name, option in _models().find(config.model.name).options.items()
    }


def flatten(config: Config) -> dict[str, Any]:
    """`{"data.name": "auto", ...}`."""
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, ConfigDict):
            flat |= {f"{name}.{inner}": v for inner, v in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def load(path: str, overrides: Iterable[tuple[str, str]] = ()) -> Config:
    """The validated config of a Python file with a `get_config()`, with `(key, text)` overrides.

    Raises:
        UsageError: the file is none, or `validate` refuses.
    """
    if not os.path.isfile(path):
        raise UsageError(f"--config={path}: no such file; configs/ holds the ready-made ones")
    try:
        config = runpy.run_path(path)["get_config"]()
    except Exception as error:  # whatever a config file does wrong is its author's to read in one line
        raise UsageError(f"--config={path}: {type(error).__name__}: {error}") from error
    if not isinstance(config, ConfigDict):
        raise UsageError(f"--config={path}: get_config() returns {type(config).__name__}, not a ConfigDict")
    defaults = flatten(base_config.get_config())
    overrides = list(overrides)
    of_options = [(key, text) for key, text in overrides if key.startswith(OPTIONS)]
    for key, text in overrides:
        if not key.startswith(OPTIONS):
            _known(key, defaults)
            _set(config, key, _parse(key, text, defaults[key]))
    if of_options:
        options = _options_of(config)
        for key, text in of_options:  # the model, which decides what options there are, may be among the overrides
            name = _known_option(key, config, options)
            _set(config, key, _parse(key, text, options[name].default))
    return validate(config)


def from_flat(values: dict[str, Any]) -> Config:
    """The inverse of `flatten`, validated: how `config.json` is read back.

    A model from outside the package that it names is not imported, so its options are taken as they are.
    """
    config = base_config.get_config()
    name = values.get("model.name")
    ours = _models().MODELS.get(name) if isinstance(name, str) else None
    for old, value in values.items():
        key = MOVED.get(old, old)
        if key == old or (ours and key.removeprefix(OPTIONS) in ours.options):
            _set(config, key, value)
    return validate(config, trusted=False)


def validate(config: Config, *, trusted: bool = True) -> Config:
    """A new config with every value of its base type and within its rule, and every option of its model.

    Args:
        trusted: a model from outside the package may be imported, because the caller names it.

    Raises:
        UsageError: an unknown key (the nearest is named), a wrong type or an impossible value.
    """
    defaults = flatten(base_config.get_config())
    given = flatten(config)
    options = {key: given.pop(key) for key in list(given) if key.startswith(OPTIONS)}
    for key in given:
        _known(key, defaults)
    if missing := [key for key in defaults if key not in given]:
        raise UsageError(f"config.{missing[0]} is missing: start from flowers_jax.base_config.get_config()")
    valid = base_config.get_config()
    for key, default in defaults.items():
        value = _typed(key, given[key], default)
        if not RULES[key].holds(value):
            raise UsageError(f"--config.{key}={text_of(value)}: must be {RULES[key].words}")
        _set(valid, key, value)
    if not trusted and _models().is_outside(valid.model.name):
        for key, value in options.items():
            _set(valid, key, tuple(value) if isinstance(value, list) else value)
        return valid
    return _with_options(valid, options)


def _with_options(config: Config, given: dict[str, Any]) -> Config:
    """`config` with the options of its model: those given, checked, and the others' defaults."""
    options = _options_of(config)
    values = {f"{OPTIONS}{name}": option.default for name, option in options.items()}
    for key, value in given.items():
        option = options[_known_option(key, config, options)]
        values[key] = _typed(key, value, option.default)
        if not option.rule.holds(values[key]):
            raise UsageError(f"--config.{key}={text_of(value)}: must be {option.rule.words}")
    for key, value in values.items():
        _set(config, key, value)
    return config


def _options_of(config: Config) -> Mapping[str, Any]:
    name = config.model.name
    if not isinstance(name, str):
        raise _wrong_type("model.name", name, "")
    return _models().find(name).options


def _known_option(key: str, config: Config, options: Mapping[str, Any]) -> str:
    """The name of the option that a key stands for."""
    name = key.removeprefix(OPTIONS)
    if name not in options:
        near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
        has = f"its options are {', '.join(options)}" if options else "it has none"
        hint = f"did you mean --config.{OPTIONS}{near[0]}?" if near else has
        raise UsageError(f"--config.{key}: {config.model.name} has no such option; {hint}")
    return name


def _models() -> Any:
    """The models, whose import takes a second, which those who only read keys need not wait for."""
    from flowers_jax import models

    return models


def differing_keys(old: Config, new: Config) -> list[str]:
    """`key (old -> new)` for each key that a resumed run may not change; another spelling of a path changes none."""
    before, after = flatten(old), flatten(new)
    may_differ = set(MAY_DIFFER_ON_RESUME)
    if old.schedule.name == "cosine" and not old.schedule.epochs:
        may_differ -= {"epochs"}  # they are the length of the cosine
    return [
        f"{key} ({text_of(before[key])} -> {text_of(after.get(key))})"
        for key in before
        if key not in may_differ and before[key] != after.get(key) and _place(key, before) != _place(key, after)
    ]


def _place(key: str, values: dict[str, Any]) -> Any:
    """The real path that the value of a key names, or the value where it names none."""
    value = values.get(key)
    a_path = key == "data.dir" or (key == "model.weights" and Path(str(value)).suffix)  # names have no suffix
    return os.path.realpath(os.path.expanduser(value)) if value and a_path else value


def _known(key: str, defaults: dict[str, Any]) -> None:
    if key in defaults:
        return
    if key in MOVED:
        raise UsageError(f"--config.{key}: is now --config.{MOVED[key]}")
    by_leaf = {name.rsplit(".", 1)[-1]: name for name in reversed(defaults)}
    near = difflib.get_close_matches(key, defaults, n=1, cutoff=0.5) or [
        by_leaf[leaf] for leaf in difflib.get_close_matches(key.rsplit(".", 1)[-1], by_leaf, n=1, cutoff=0.5)
    ]
    hint = f"did you mean --config.{near[0]}?" if near else "--help lists the keys"
    raise UsageError(f"--config.{key}: no such key; {hint}")


def _typed(key: str, value: Any, default: Any) -> Any:
    kind = type(default)
    if isinstance(default, tuple):
        numbers = isinstance(value, (tuple, list)) and all(type(v) in (int, float) for v in value)
        if numbers:
            return tuple(float(v) for v in value)
    elif kind is float and type(value) in (int, float):
        return float(value)
    elif type(value) is kind:
        return value
    raise _wrong_type(key, value, default)


def _parse(key: str, text: str, default: Any) -> Any:
    """Command-line text as the type of the key's default."""
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if isinstance(default, tuple):
            return tuple(float(part) for part in text.strip("() ").split(",") if part)
        return type(default)(text)
    except (ValueError, KeyError):
        raise _wrong_type(key, text, default) from None


def _wrong_type(key: str, value: Any, default: Any) -> UsageError:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "numbers a,b,c"}
    example = f"--config.{key}={text_of(default)}" if default != "" else f"--config.{key}=TEXT"
    return UsageError(f"--config.{key}={text_of(value)}: must be {words[type(default)]}, as in {example}")


def text_of(value: Any) -> str:
    """A value as the command line takes it."""
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _set(config: Config, key: str, value: Any) -> None:
    *parents, leaf = key.split(".")
    for parent in parents:
        if not isinstance(config.get(parent), ConfigDict):
            config[parent] = ConfigDict({}, type_safe=False)
        config = config[parent]
    config[leaf] = value
