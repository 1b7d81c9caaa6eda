"""The command that repeats a run."""

import shlex
from collections.abc import Mapping
from typing import Any

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.registry import GIVEN
from flowers_jax.report.facts import known_defaults

OBJECT = "objects of Python, which no command names: call fit with the same objects"


def repeat(config: Config) -> list[str]:
    """The command, each flag quoted for a shell, with the ready-made config from which the fewest keys differ.

    Raises:
        ValueError: there is none; the message says why.
    """
    flat = config_lib.flatten(config)
    if GIVEN in (flat[f"{section}.name"] for section in config_lib.SECTIONS) or config.data.name == "arrays":
        raise ValueError(OBJECT)
    if own := [name for name in flat if name.startswith("user.")]:
        raise ValueError(f"keys of its own config file ({', '.join(own)}): give --config that file")
    defaults = known_defaults(config)
    ready_made = {name: defaults | config_lib.flatten(config_lib.load(name)) for name in config_lib.ready_made()}
    changes = {name: _changes(flat, other) for name, other in ready_made.items()}
    name = min(changes, key=lambda name: len(changes[name]))
    flags = [shlex.quote(f"--config.{key}={config_lib.text_of(value)}") for key, value in changes[name].items()]
    return [f"flowers-jax train --config={name}", *(f"  {flag}" for flag in flags)]


def _changes(flat: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    missing = object()
    return {key: value for key, value in flat.items() if other.get(key, missing) != value}
