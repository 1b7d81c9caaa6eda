"""Where every config file starts: all keys at their defaults, in the form that `ml_collections` gives config files.

The files in `configs/` change what differs. `flowers_jax.config_types` declares the keys.
"""

import dataclasses
from typing import Any

from ml_collections import ConfigDict

from flowers_jax.config_types import Config


def get_config() -> Any:
    """A `ConfigDict` of the defaults of `Config`. `config.load` checks what a file makes of it."""
    return _config_dict(dataclasses.asdict(Config()))


def _config_dict(values: Any) -> ConfigDict:
    """Without `type_safe`, for all types are checked in one place."""
    return ConfigDict(
        {name: _config_dict(value) if hasattr(value, "items") else value for name, value in values.items()},
        type_safe=False,
    )
