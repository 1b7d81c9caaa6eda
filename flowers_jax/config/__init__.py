"""Configurations: their keys, how they are loaded and how they are checked. Code reads `config_types.Config`."""

from flowers_jax.config.checks import MAY_DIFFER_ON_RESUME, differing_keys, validate
from flowers_jax.config.keys import KEYS, SECTIONS, defaults_of, described, flatten, option_keys, registries, text_of
from flowers_jax.config.load import from_flat, load, ready_made, replace

__all__ = [
    "KEYS",
    "MAY_DIFFER_ON_RESUME",
    "SECTIONS",
    "defaults_of",
    "described",
    "differing_keys",
    "flatten",
    "from_flat",
    "load",
    "option_keys",
    "ready_made",
    "registries",
    "replace",
    "text_of",
    "validate",
]
