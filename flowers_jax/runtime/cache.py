"""The folder of what is kept between runs: downloads, compiled programs, decoded photographs, features."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/flowers_jax`, by default `~/.cache/flowers_jax`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "flowers_jax"
