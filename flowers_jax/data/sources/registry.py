"""The data sources by name.

A source is one file that ends in one registration:

    register(Source("my_source", load_my_source))

A source outside the package is registered nowhere: `--config.data.name=my_package.my_module:SOURCE`, or
`path/to/file.py:SOURCE`, names its function. See docs/extending.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowers_jax import outside
from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError, first_line
from flowers_jax.registry import Registry


@dataclass(frozen=True)
class Source:
    """A data source.

    Attributes:
        name: of `--config.data.name`. One that ends in a colon is a prefix: `tfds:` is the source of `tfds:cifar10`.
        load: from the checked config to every usable photograph, with `checks.collect.collect`.
    """

    name: str
    load: Callable[[Config], Dataset]


def _of_function(name: str, found: Any) -> Source | None:
    """A source from outside that is only a function."""
    if not callable(found):
        return None

    def load(config: Config) -> Dataset:
        try:
            dataset = found(config)
        except UsageError:
            raise
        except Exception as error:  # whatever code from outside does wrong is its author's to read in one line
            raise UsageError(f"--config.data.name={name}: {type(error).__name__}: {first_line(error)}") from error
        if not isinstance(dataset, Dataset):
            raise UsageError(f"--config.data.name={name}: returns a {type(dataset).__name__}, not a Dataset")
        return dataset

    return Source(name, load)


SOURCES = Registry("data.name", Source, _of_function, also="a function from a Config to a Dataset")
register = SOURCES.register


def find(name: str) -> Source:
    """The source that `config.data.name` names. Of one outside the package the code runs.

    Raises:
        UsageError: there is none of that name, or it cannot be imported.
    """
    prefix = name[: name.find(":") + 1]
    return SOURCES[prefix] if prefix in SOURCES else SOURCES.find(name)


def is_outside(name: str) -> bool:
    """Whether a name leads to a source outside the package; `tfds:NAME` does not."""
    return outside.is_outside(name) and name[: name.find(":") + 1] not in SOURCES


def is_name(text: str) -> bool:
    """Whether a text has the form of the name of a source, of the package or outside it."""
    return text in SOURCES or outside.is_outside(text)
