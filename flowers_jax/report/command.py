"""The command that repeats a run."""

import shlex
from typing import Any

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.registry import GIVEN

OBJECT = "objects of Python, which no command names: call fit with the same objects"


def repeat(config: Config) -> str:
    """The command with the ready-made config from which the fewest keys differ.

    Raises:
        ValueError: there is none; the message says why.
    """
    flat = config_lib.flatten(config)
    if GIVEN in (flat[f"{section}.name"] for section in config_lib.SECTIONS) or config.data.name == "arrays":
        raise ValueError(OBJECT)
    if own := [name for name in flat if name.startswith("user.")]:
        raise ValueError(f"keys of its own config file ({', '.join(own)}): give --config that file")
    name, changes = min(((name, _changes(flat, name)) for name in config_lib.ready_made()), key=lambda one: len(one[1]))
    flags = [f"--config.{key}={config_lib.text_of(value)}" for key, value in changes.items()]
    return shlex.join(["flowers-jax", "train", f"--config={name}", *flags])


def _changes(flat: dict[str, Any], name: str) -> dict[str, Any]:
    """The keys of which a ready-made config has another value."""
    ready_made = config_lib.flatten(config_lib.load(name))
    missing = object()
    return {key: value for key, value in flat.items() if ready_made.get(key, missing) != value}
