"""`tf_flowers` through TensorFlow Datasets: 3,670 photographs of five classes, with their copies."""

import logging

from flowers_jax.config_types import Config, Data
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.lazy_tensorflow import tensorflow_datasets
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.data.sources.tfds import UnavailableError, prepare, rows, source_of
from flowers_jax.errors import UsageError
from flowers_jax.runtime.terminal import absl_level

NAME = "tf_flowers"


def load_tf_flowers(data: Data) -> Dataset:
    """The data set, downloaded and prepared if necessary (`$TFDS_DATA_DIR`, `~/tensorflow_datasets`).

    Raises:
        UnavailableError: see its description.
    """
    with absl_level(logging.ERROR):  # TFDS warns about each folder that is not prepared yet
        builder = tensorflow_datasets().builder(NAME)
        reason = prepare(builder)
        names = builder.info.features["label"].names
        found = list(rows(builder, "train", "image", "label"))
    candidates = [Candidate(f"{NAME}:{index}", names[label]) for index, (_, label) in enumerate(found)]
    files = {candidate.path: content for candidate, (content, _) in zip(candidates, found, strict=True)}
    return collect(
        NAME, reason, candidates, files.__getitem__, data, source=source_of(builder), keeps_copies=True
    )  # fmt: skip


def _named(config: Config) -> Dataset:
    try:
        return load_tf_flowers(config.data)
    except UnavailableError as error:
        raise UsageError(
            f"tf_flowers is not available: {error}. Give --config.data.name=auto for the photographs of the "
            "package index, or --config.data.dir=FOLDER"
        ) from error


register(Source(NAME, _named))
