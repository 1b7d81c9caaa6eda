"""`tf_flowers` through TensorFlow Datasets: 3,670 photographs of five classes."""

import logging
from typing import Any

from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.lazy_tensorflow import tensorflow_datasets
from flowers_jax.errors import first_line
from flowers_jax.runtime.terminal import absl_level
from flowers_jax.storage import fetch

NAME = "tf_flowers"


class UnavailableError(RuntimeError):
    """It is neither prepared on this machine nor available for download; the message says why."""


def load_tf_flowers(max_pixels: int) -> Dataset:
    """The data set, downloaded and prepared if necessary (`$TFDS_DATA_DIR`, `~/tensorflow_datasets`).

    Raises:
        UnavailableError: see its description.
    """
    tfds = tensorflow_datasets()
    with absl_level(logging.ERROR):  # TFDS warns about each folder that is not prepared yet
        builder = tfds.builder(NAME)
        reason = f"prepared in {builder.data_dir}"
        if not builder.is_prepared():
            _download(builder)
            reason = f"downloaded from its publisher and prepared in {builder.data_dir}"
        encoded = builder.as_dataset(split="train", decoders={"image": tfds.decode.SkipDecoding()}, shuffle_files=False)
        names = builder.info.features["label"].names
        rows = list(encoded.as_numpy_iterator())
    candidates = [Candidate(f"{NAME}:{index}", names[row["label"]]) for index, row in enumerate(rows)]
    files = {candidate.path: row["image"] for candidate, row in zip(candidates, rows, strict=True)}
    return collect(NAME, reason, candidates, files.__getitem__, max_pixels=max_pixels)


def _download(builder: Any) -> None:
    # TFDS retries an unreachable site for minutes, so test the site first.
    for url in builder.url_infos:
        if why := fetch.reachable(url):
            raise UnavailableError(f"{url}: {why}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises errors of requests, of its own and of the file system
        raise UnavailableError(f"download_and_prepare: {type(error).__name__}: {first_line(error)}") from error
