"""The photographs of a run, read again from where its config says that they are."""

import numpy as np

from flowers_jax.data import sources
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.data.decode import decode_for
from flowers_jax.errors import UsageError, first_line
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.preprocessing import Preprocessing


def own_photographs(model: TrainedModel) -> Dataset:
    """All photographs of the run, with its classes and its splits.

    Raises:
        UsageError: they were objects of Python or come from code outside the package, or one is gone or has changed.
    """
    config, chosen = model.run.read_config(), model.run.read_model()["dataset"]["name"]
    if sources.is_outside(config.data.name):
        raise UsageError(
            f"{model.run.path}: its source {config.data.name} is code outside the package, which never runs without "
            "permission: give the photographs themselves, with data"
        )
    return model.run.apply_splits(sources.load(config, chosen), model.classes)


def read_again(dataset: Dataset, path: str, preprocessing: Preprocessing, max_pixels: int) -> np.ndarray | Skipped:
    """The pixels of a photograph, uint8 [size, size, 3], or why it cannot be read any more."""
    try:
        return decode_for(dataset.read(path), preprocessing, max_pixels)
    except Exception as error:  # a source may be a disk, a network or code outside the package
        return Skipped(path, getattr(error, "strerror", None) or first_line(error))
