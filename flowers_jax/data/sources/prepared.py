"""The photographs of a file that scripts/prepare.py wrote, with its parts. Nothing is decoded to check it."""

import os
from pathlib import Path

from flowers_jax.config_types import Config
from flowers_jax.data import prepared_file
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.errors import UsageError

NAME = "prepared"


def load_prepared(config: Config) -> Dataset:
    """The photographs of the file that `data.array` names, which `prepare.py` checked.

    Raises:
        UsageError: no such file, or it is damaged.
    """
    given = config.data.array
    if not given:
        raise UsageError("--config.data.name=prepared: give --config.data.array=FILE")
    try:
        prepared = prepared_file.read(Path(os.path.expanduser(given)))
    except UsageError as error:
        raise UsageError(f"--config.data.array={error}") from error
    number_of = {example.path: number for number, example in enumerate(prepared.examples)}
    size, wanted = prepared.image_size, config.data.image_size
    small = f"prepared with --image_size={size}, and --config.data.image_size={wanted} enlarges its photographs"
    return Dataset(
        name=prepared.name,
        reason="the prepared file that config.data.array names",
        classes=prepared.classes,
        examples=prepared.examples,
        read=lambda path: prepared.read(number_of[path]),
        remarks=(Skipped(prepared.file.name, small),) if wanted > size else (),
        source=f"prepared {prepared.file.resolve()}",
        keeps_copies=prepared.keeps_copies,
    )


register(Source(NAME, load_prepared))
