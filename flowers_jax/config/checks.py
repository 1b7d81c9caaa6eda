"""What a configuration may hold. Every refusal is a `UsageError` of one line that names the key."""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from flowers_jax.config.keys import KEYS, SECTIONS, USER, assemble, flatten, options_of, registries, section_of, text_of
from flowers_jax.config_key import Key
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError, nearest
from flowers_jax.outside import is_outside

MOVED = {f"model.{name}": f"model.options.{name}" for name in ("alpha", "head", "output_stride", "stochastic_depth")}
MOVED |= {"optimizer.label_smoothing": "loss.label_smoothing"}
"""Keys by the names that they had. The `config.json` of an older run still has them."""

MAY_DIFFER_ON_RESUME = ("epochs", "devices", "data.cache", "data.workers", "checkpoint.every_steps",
                        "checkpoint.every_minutes", "checkpoint.keep",
                        "logging.tensorboard", "logging.report")  # fmt: skip


def validate(config: Config | ConfigDict) -> Config:
    """The typed config with every value of its key's type and within its rule, and every option of its parts.

    Raises:
        UsageError: an unknown key (the nearest is named), a missing one, a wrong type or an impossible value.
    """
    if not isinstance(config, (Config, ConfigDict)):
        raise UsageError(f"config: is a {type(config).__name__}; give what flowers_jax.config.load(NAME) returns")
    return checked(flatten(config))


def checked(flat: Mapping[str, Any], *, trusted: bool = True) -> Config:
    """The config of a flat table.

    Args:
        trusted: parts from outside the package may be imported, because the caller names them.

    Raises:
        UsageError: as `validate`.
    """
    check_known(name for name in flat if not section_of(name) and not name.startswith(USER))
    if missing := [name for name in KEYS if name not in flat]:
        raise UsageError(f"config.{missing[0]} is missing: start from flowers_jax.base_config.get_config()")
    values = {name: _value(name, flat[name], key) for name, key in KEYS.items()}
    values |= {name: _of_user(name, value) for name, value in flat.items() if name.startswith(USER)}
    for section in SECTIONS:
        part = values[f"{section}.name"]
        given = {name: value for name, value in flat.items() if section_of(name) == section}
        if not trusted and is_outside(part):
            values |= {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
            continue
        options = options_of(section, part)
        for name in given:
            check_option(name, part, options)
        values |= {name: _value(name, given.get(name, option.default), option) for name, option in options.items()}
    return assemble(values)


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


def check_option(name: str, part: str, options: Mapping[str, Key]) -> None:
    """Refuse an option that a part does not have.

    Args:
        name: the option's flat name.
        options: those of the part, by their flat names.

    Raises:
        UsageError: it has none of that name; the nearest one is named.
    """
    if name not in options:
        names = [option.rsplit(".", 1)[-1] for option in options]
        has = f"its options are {', '.join(names)}" if options else "it has none"
        section = f"--config.{section_of(name)}.options."
        hint = nearest(name.rsplit(".", 1)[-1], names, section, otherwise=has)
        raise UsageError(f"--config.{name}: {part} has no such option{hint}")


def wrong_type(name: str, value: Any, key: Key) -> UsageError:
    of_items = "names a,b,c" if key.item is str else "numbers a,b,c"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: of_items}
    example = f"--config.{name}={text_of(key.default)}" if text_of(key.default) else f"--config.{name}=TEXT"
    return UsageError(f"--config.{name}={text_of(value)}: must be {words[type(key.default)]}, as in {example}")


def _value(name: str, value: Any, key: Key) -> Any:
    """The value in the type of the key's default; a whole number serves as a number."""
    if isinstance(key.default, tuple):
        kinds = (str,) if key.item is str else (int, float)
        right = isinstance(value, (tuple, list)) and all(type(v) in kinds for v in value)
        value = tuple(key.item(v) for v in value) if right else value
    elif type(key.default) is float:
        right = type(value) in (int, float)
        value = float(value) if right else value
    else:
        right = type(value) is type(key.default)
    if not right:
        raise wrong_type(name, value, key)
    if not key.rule.holds(value):
        raise UsageError(f"--config.{name}={text_of(value)}: must be {key.rule.words}")
    return value


def _of_user(name: str, value: Any) -> Any:
    """A researcher's own value, which `config.json` can hold."""
    if isinstance(value, (tuple, list)):
        return tuple(_of_user(name, one) for one in value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise UsageError(
        f"--config.{name}: is a {type(value).__name__}; a key of your own is text, a number, true, false, none or a "
        "tuple of these"
    )


def differing_keys(old: Config, new: Config) -> list[str]:
    """`key (old -> new)` for each key that a resumed run may not change; another spelling of a path changes none."""
    before, after = flatten(old), flatten(new)
    may_differ = set(MAY_DIFFER_ON_RESUME)
    if registries()["schedule"].find(new.schedule.name).spans_run(old):
        may_differ -= {"epochs"}  # they are the length of the schedule
    return [
        f"{key} ({text_of(before.get(key))} -> {text_of(after.get(key))})"
        for key in (*before, *(name for name in after if name.startswith(USER) and name not in before))
        if key not in may_differ and before.get(key) != after.get(key) and _place(key, before) != _place(key, after)
    ]


def _place(key: str, values: dict[str, Any]) -> Any:
    """The real path that the value of a key names, or the value where it names none."""
    value = values.get(key)
    # names of weights have no suffix
    a_path = key in ("data.dir", "data.csv", "data.array") or (key == "model.weights" and Path(str(value)).suffix)
    return os.path.realpath(os.path.expanduser(value)) if value and a_path else value
