"""The keys of a configuration by their flat names, as `data.image_size`, and a configuration as a flat table."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from flowers_jax.config_key import Key
from flowers_jax.config_types import Config

OPTIONS = "model.options."
"""How the keys of a model's own options begin."""


def _declared(section: type, prefix: str = "") -> Iterator[tuple[str, Key]]:
    for field in dataclasses.fields(section):
        if dataclasses.is_dataclass(field.type):
            yield from _declared(field.type, f"{prefix}{field.name}.")  # type: ignore[arg-type]  # it is a class
        elif "key" in field.metadata:
            yield prefix + field.name, field.metadata["key"]


KEYS: dict[str, Key] = dict(_declared(Config))
"""Every key but the options of models, in the order of `config_types`."""


def option_keys() -> dict[str, Key]:
    """Every option of every model of the package; the help names the model."""
    return {
        f"{OPTIONS}{name}": option._replace(help=f"{option.help} ({spec.name})")
        for spec in models().MODELS.values()
        for name, option in spec.options.items()
    }


def defaults_of(config: Config) -> dict[str, Any]:
    """The default of every key that a config of this model has, its options included."""
    options = models().find(config.model.name).options
    return {name: key.default for name, key in KEYS.items()} | {
        f"{OPTIONS}{name}": option.default for name, option in options.items()
    }


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
    options = {name.removeprefix(OPTIONS): value for name, value in flat.items() if name.startswith(OPTIONS)}
    return _assemble(Config, "", {**flat, "model.options": options})


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


def models() -> Any:
    """The package's models. Their import takes a second, so only what needs them waits for it."""
    from flowers_jax import models

    return models
