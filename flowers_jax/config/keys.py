"""The keys of a configuration by their flat names, as `data.image_size`, and a configuration as a flat table."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from flowers_jax.config_key import Key
from flowers_jax.config_types import Config, UserKeys
from flowers_jax.registry import Registry
from flowers_jax.runtime import process

USER = "user."
"""How a researcher's own keys begin. A config file declares them by giving them a value."""


def _declared(section: type, prefix: str = "") -> Iterator[tuple[str, Key]]:
    for field in dataclasses.fields(section):
        if dataclasses.is_dataclass(field.type):
            yield from _declared(field.type, f"{prefix}{field.name}.")  # type: ignore[arg-type]  # it is a class
        elif "key" in field.metadata:
            yield prefix + field.name, field.metadata["key"]


KEYS: dict[str, Key] = dict(_declared(Config))
"""Every key but the options of parts and a researcher's own, in the order of `config_types`."""

SECTIONS = ("model", "augment", "optimizer", "loss", "schedule")
"""Those whose `name` names a part of a registry, and whose `options` are that part's own."""


@functools.cache
def registries() -> dict[str, Registry[Any]]:
    """By section. Their import takes a second, so only what needs them waits for it."""
    with process.unchanged_by_imports():
        from flowers_jax import augment, losses, models, optimizers, schedules

    return {
        "model": models.MODELS,
        "augment": augment.AUGMENTATIONS,
        "optimizer": optimizers.OPTIMIZERS,
        "loss": losses.LOSSES,
        "schedule": schedules.SCHEDULES,
    }


def section_of(name: str) -> str:
    """The section whose part has the option of that flat name; "" where it is no option."""
    return next((section for section in SECTIONS if name.startswith(f"{section}.options.")), "")


def described() -> dict[str, Key]:
    """Every key and every option of the package, with the names of all parts in the help."""
    from flowers_jax.metrics import METRICS

    names = {f"{section}.name": "|".join(registry) for section, registry in registries().items()}
    names["metrics"] = "|".join(METRICS)
    keys = {name: key._replace(help=key.help.format(names=names.get(name))) for name, key in KEYS.items()}
    return keys | option_keys()


def option_keys() -> dict[str, Key]:
    """Every option of every part of the package; the help names the parts, and a default that differs."""
    found: dict[str, Key] = {}
    texts: dict[str, dict[str, list[str]]] = {}
    for section, registry in registries().items():
        for part in registry.values():
            for name, option in part.options.items():
                key = f"{section}.options.{name}"
                first = found.setdefault(key, option)
                own = f"{part.name}: {text_of(option.default)}" if option.default != first.default else part.name
                texts.setdefault(key, {}).setdefault(option.help, []).append(own)
    words = {key: "; ".join(f"{text} ({', '.join(parts)})" for text, parts in of.items()) for key, of in texts.items()}
    return {key: option._replace(help=words[key]) for key, option in found.items()}


def options_of(section: str, name: Any) -> Mapping[str, Key]:
    """The options of a part by their flat names.

    Args:
        name: the part's, as `config.SECTION.name`.

    Raises:
        UsageError: there is none of that name.
    """
    part = registries()[section].find(name)
    return {f"{section}.options.{option}": key for option, key in part.options.items()}


def defaults_of(config: Config) -> dict[str, Any]:
    """The default of every key that a config of these parts has, their options included."""
    declared = dict(KEYS)
    for section in SECTIONS:
        declared |= options_of(section, getattr(config, section).name)
    return {name: key.default for name, key in declared.items()}


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """A `Config` or a `ConfigDict` as `{"data.name": "auto", ...}`."""
    if dataclasses.is_dataclass(config):
        items = [(field.name, getattr(config, field.name)) for field in dataclasses.fields(config)]
    else:
        items = list(config.items())
    flat: dict[str, Any] = {}
    for name, value in items:
        if dataclasses.is_dataclass(value) or hasattr(value, "items"):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def assemble(flat: Mapping[str, Any]) -> Config:
    """The inverse of `flatten` for a full table of checked values."""
    options = {f"{section}.options": _below(f"{section}.options.", flat) for section in SECTIONS}
    return _assemble(Config, "", {**flat, **options, "user": _nested(_below(USER, flat))})


def _below(prefix: str, flat: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in flat.items() if name.startswith(prefix)}


def _nested(flat: Mapping[str, Any]) -> UserKeys:
    nested = UserKeys()
    for name, value in flat.items():
        *folders, last = name.split(".")
        inner = nested
        for folder in folders:
            inner = inner.setdefault(folder, UserKeys())
        inner[last] = value
    return nested


def _assemble(section: type, prefix: str, flat: Mapping[str, Any]) -> Any:
    return section(
        **{
            field.name: _assemble(field.type, f"{prefix}{field.name}.", flat)  # type: ignore[arg-type]  # it is a class
            if dataclasses.is_dataclass(field.type)
            else flat[prefix + field.name]
            for field in dataclasses.fields(section)
        }
    )


def text_of(value: Any) -> str:
    """A value as the command line takes it."""
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
