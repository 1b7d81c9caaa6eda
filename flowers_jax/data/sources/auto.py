"""`tf_flowers` where it can be had, else the ten species of the package index."""

from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.sources.flower_species import load_flower_species
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.data.sources.tf_flowers import load_tf_flowers
from flowers_jax.data.sources.tfds import UnavailableError


def load_auto(config: Config) -> Dataset:
    """One of the two, with the reason for the choice.

    Raises:
        UsageError: neither is available.
    """
    try:
        return load_tf_flowers(config.data)
    except UnavailableError as error:
        return load_flower_species(f"tf_flowers is not available ({error})", config.data)


register(Source("auto", load_auto))
