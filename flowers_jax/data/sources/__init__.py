"""Loads the photographs of a configuration."""

from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.sources.flower_species import load_flower_species
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.data.sources.procedural import load_procedural
from flowers_jax.data.sources.tf_flowers import UnavailableError, load_tf_flowers
from flowers_jax.errors import UsageError


def load(config: Config, name: str = "") -> Dataset:
    """The data set of `config.data`, its files hashed and checked.

    Args:
        name: of the data set of a resumed run, instead of `config.data.name`: the one that `auto` chose then. A folder
            keeps its copies (`load_folder`).

    Raises:
        UsageError: it is not available, or has fewer than two classes.
    """
    resumed = bool(name)
    dataset = _folder(config, resumed) if config.data.dir else _load(config, name or config.data.name)
    if not dataset.classes:
        raise UsageError(
            f"{dataset.name}: none of its {len(dataset.skipped)} photographs can be used, the first because: "
            f"{dataset.skipped[0].reason}"
        )
    if len(dataset.classes) == 1:
        seen = f"; the first of {len(dataset.skipped)} skipped: {dataset.skipped[0]}" if dataset.skipped else ""
        raise UsageError(
            f"{dataset.name} has one class only, {dataset.classes[0]!r}: a classifier needs two; "
            f"--config.data.dir must name a folder with a folder for each class{seen}"
        )
    return dataset


def _folder(config: Config, resumed: bool) -> Dataset:
    data = config.data
    try:
        return load_folder(
            data.dir,
            max_pixels=data.max_pixels,
            follow_links=data.follow_links,
            workers=data.workers,
            group_similar=data.group_similar,
            keep_copies=resumed,
        )
    except UsageError as error:
        raise UsageError(f"--config.data.dir={error}") from error


def _load(config: Config, name: str) -> Dataset:
    max_pixels = config.data.max_pixels
    if name == "procedural":
        return load_procedural(max_pixels)
    if name == "flower_species":
        return load_flower_species("config.data.name=flower_species", max_pixels)
    try:
        return load_tf_flowers(max_pixels)
    except UnavailableError as error:
        if name == "tf_flowers":
            raise UsageError(
                f"tf_flowers is not available: {error}. Give --config.data.name=auto for the photographs of the "
                "package index, or --config.data.dir=FOLDER"
            ) from error
        return load_flower_species(f"tf_flowers is not available ({error})", max_pixels)
