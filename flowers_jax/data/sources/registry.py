"""The data sources by name.

A source is a function from the checked `Config` to a `Dataset`. Its file ends in one registration:

    register("my_source", load_my_source)
"""

import difflib
from collections.abc import Callable

from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError

Source = Callable[[Config], Dataset]

SOURCES: dict[str, Source] = {}
"""Those of the package, by name. A name that ends in a colon is a prefix: `tfds:` is the source of `tfds:cifar10`."""

FLAG = "--config.data.name"


def register(name: str, source: Source) -> None:
    """Make a source known by its name; the last line of its file.

    Raises:
        ValueError: another one has the name.
    """
    if name in SOURCES:
        raise ValueError(f"there is a data source {name!r} already")
    SOURCES[name] = source


def names(text: str) -> bool:
    """Whether a text has the form of the name of a source."""
    return text[: text.find(":") + 1] in SOURCES or text in SOURCES


def find(name: str) -> Source:
    """The source that `config.data.name` names.

    Raises:
        UsageError: there is none of that name.
    """
    prefix = name[: name.find(":") + 1]
    if found := SOURCES.get(prefix or name):
        return found
    near = difflib.get_close_matches(name, SOURCES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    known = ", ".join(f"{one}NAME" if one.endswith(":") else one for one in SOURCES)
    raise UsageError(f"{FLAG}={name}: must be one of {known}{hint}")
