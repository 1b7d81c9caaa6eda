"""What a configuration may hold. Every refusal is a `UsageError` of one line that names the key."""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from flowers_jax.config.keys import KEYS, OPTIONS, assemble, flatten, models, text_of
from flowers_jax.config_key import Key
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError

MOVED = {f"model.{name}": f"{OPTIONS}{name}" for name in ("alpha", "head", "output_stride", "stochastic_depth")}
"""Keys by the names that they had. The `config.json` of an older run still has them."""

MAY_DIFFER_ON_RESUME = ("epochs", "devices", "data.cache", "data.workers", "checkpoint.every_steps",
                        "checkpoint.every_minutes", "checkpoint.keep")  # fmt: skip


def validate(config: Config | ConfigDict) -> Config:
    """The typed config with every value of its key's type and within its rule, and every option of its model.

    Raises:
        UsageError: an unknown key (the nearest is named), a missing one, a wrong type or an impossible value.
    """
    return checked(flatten(config))


def checked(flat: Mapping[str, Any], *, trusted: bool = True) -> Config:
    """The config of a flat table.

    Args:
        trusted: a model from outside the package may be imported, because the caller names it.

    Raises:
        UsageError: as `validate`.
    """
    options = {name: value for name, value in flat.items() if name.startswith(OPTIONS)}
    check_known(name for name in flat if name not in options)
    if missing := [name for name in KEYS if name not in flat]:
        raise UsageError(f"config.{missing[0]} is missing: start from flowers_jax.base_config.get_config()")
    values = {name: _value(name, flat[name], key) for name, key in KEYS.items()}
    if not trusted and models().is_outside(values["model.name"]):
        return assemble(values | {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()})
    declared = options_of(values["model.name"])
    given = {option_name(name, values["model.name"], declared): value for name, value in options.items()}
    return assemble(
        values
        | {
            f"{OPTIONS}{name}": _value(f"{OPTIONS}{name}", given.get(name, option.default), option)
            for name, option in declared.items()
        }
    )


def check_known(names: Iterable[str]) -> None:
    """Refuse a name that is no key, and name the nearest one.

    Raises:
        UsageError: it is none, or has moved.
    """
    for name in names:
        if name in MOVED:
            raise UsageError(f"--config.{name}: is now --config.{MOVED[name]}")
        if name not in KEYS:
            by_leaf = {key.rsplit(".", 1)[-1]: key for key in reversed(KEYS)}
            near = difflib.get_close_matches(name, KEYS, n=1, cutoff=0.5) or [
                by_leaf[leaf] for leaf in difflib.get_close_matches(name.rsplit(".", 1)[-1], by_leaf, n=1, cutoff=0.5)
            ]
            hint = f"did you mean --config.{near[0]}?" if near else "--help lists the keys"
            raise UsageError(f"--config.{name}: no such key; {hint}")


def options_of(model: Any) -> Mapping[str, Key]:
    """The options of the model of that name.

    Raises:
        UsageError: there is no such model.
    """
    if not isinstance(model, str):
        raise wrong_type("model.name", model, "")
    return models().find(model).options


def option_name(name: str, model: str, options: Mapping[str, Key]) -> str:
    """The option that `model.options.NAME` stands for.

    Raises:
        UsageError: the model has no such option.
    """
    option = name.removeprefix(OPTIONS)
    if option not in options:
        near = difflib.get_close_matches(option, options, n=1, cutoff=0.5)
        has = f"its options are {', '.join(options)}" if options else "it has none"
        hint = f"did you mean --config.{OPTIONS}{near[0]}?" if near else has
        raise UsageError(f"--config.{name}: {model} has no such option; {hint}")
    return option


def wrong_type(name: str, value: Any, default: Any) -> UsageError:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "numbers a,b,c"}
    example = f"--config.{name}={text_of(default)}" if default != "" else f"--config.{name}=TEXT"
    return UsageError(f"--config.{name}={text_of(value)}: must be {words[type(default)]}, as in {example}")


def _value(name: str, value: Any, key: Key) -> Any:
    """The value in the type of the key's default; a whole number serves as a number."""
    if isinstance(key.default, tuple):
        right = isinstance(value, (tuple, list)) and all(type(v) in (int, float) for v in value)
        value = tuple(float(v) for v in value) if right else value
    elif type(key.default) is float:
        right = type(value) in (int, float)
        value = float(value) if right else value
    else:
        right = type(value) is type(key.default)
    if not right:
        raise wrong_type(name, value, key.default)
    if not key.rule.holds(value):
        raise UsageError(f"--config.{name}={text_of(value)}: must be {key.rule.words}")
    return value


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
