"""Image-classification sets of TensorFlow Datasets: `--config.data.name=tfds:NAME[/CONFIG][:VERSION]`."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from flowers_jax.config_types import Config
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.data.lazy_tensorflow import tensorflow_datasets
from flowers_jax.data.lossless import encode
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.data.split import PARTS
from flowers_jax.errors import UsageError, first_line, nearest
from flowers_jax.runtime.terminal import absl_level
from flowers_jax.storage import fetch

PREFIX = "tfds:"


class UnavailableError(RuntimeError):
    """It is neither prepared on this machine nor available for download; the message says why."""


def load_tfds(config: Config) -> Dataset:
    """The set that `data.name` names, downloaded and prepared if necessary (`$TFDS_DATA_DIR`, `~/tensorflow_datasets`).

    Its splits `train`, `validation` and `test` stay as they are, if it has train and another one; else all its
    photographs are divided. Other splits are left out, and photographs without a label are skipped.

    Raises:
        UsageError: there is no such set, it does not classify images, or it is not available.
    """
    name = config.data.name
    with absl_level(logging.ERROR):  # TFDS warns about each folder that is not prepared yet
        builder = _builder(name)
        image, label = _image_and_label(name, builder.info)
        try:
            reason = prepare(builder)
        except UnavailableError as error:
            raise UsageError(f"--config.data.name={name}: is not available: {error}") from error
        files, candidates, skipped = dict[str, bytes](), list[Candidate](), list[Skipped]()
        classes = builder.info.features[label].names
        for split, part in _parts(list(builder.info.splits)).items():
            for index, (content, number) in enumerate(rows(builder, split, image, label)):
                path = f"{builder.name}:{split}:{index}"
                if number < 0:
                    skipped.append(Skipped(path, "without a label"))
                    continue
                files[path] = content
                candidates.append(Candidate(path, classes[number], part))
    return collect(
        name, reason, candidates, files.__getitem__, config.data, source=source_of(builder), skipped=skipped
    )  # fmt: skip


def prepare(builder: Any) -> str:
    """Download and prepare a set if it is not yet; where it is, for the banner.

    Raises:
        UnavailableError: see its description.
    """
    if builder.is_prepared():
        return f"prepared in {builder.data_dir}"
    # TFDS retries an unreachable site for minutes, so test each site first.
    for url in {urlsplit(url).netloc: url for url in reversed(builder.url_infos)}.values():
        if why := fetch.reachable(url):
            raise UnavailableError(f"{url}: {why}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS raises errors of requests, of its own and of the file system
        raise UnavailableError(f"download_and_prepare: {type(error).__name__}: {first_line(error)}") from error
    return f"downloaded from its publisher and prepared in {builder.data_dir}"


def rows(builder: Any, split: str, image: str, label: str) -> Iterator[tuple[bytes, int]]:
    """The bytes and the number of the class of each photograph, always in the same order."""
    tfds = tensorflow_datasets()
    encoded = isinstance(builder.info.features[image], tfds.features.Image)
    decoders = {image: tfds.decode.SkipDecoding()} if encoded else {}
    partial = tfds.decode.PartialDecoding({image: True, label: True}, decoders=decoders)
    for row in builder.as_dataset(split=split, decoders=partial, shuffle_files=False).as_numpy_iterator():
        content = row[image] if encoded else encode(np.broadcast_to(row[image], (*row[image].shape[:2], 3)))
        yield content, int(row[label])


def source_of(builder: Any) -> str:
    """`tfds NAME[/CONFIG]:VERSION`."""
    name, _, version = builder.info.full_name.rpartition("/")
    return f"tfds {name}:{version}"


def _builder(name: str) -> Any:
    tfds, given = tensorflow_datasets(), name.removeprefix(PREFIX)
    try:
        return tfds.builder(given)
    except tfds.core.DatasetNotFoundError as error:
        known, catalog = tfds.list_builders(with_community_datasets=False), "tensorflow.org/datasets/catalog lists them"
        hint = nearest(given, known, PREFIX, otherwise=catalog)
        raise UsageError(f"--config.data.name={name}: TensorFlow Datasets has no such set{hint}") from error
    except Exception as error:  # TFDS raises errors of several kinds for a wrong config or version
        raise UsageError(f"--config.data.name={name}: {first_line(error)}") from error


def _image_and_label(name: str, info: Any) -> tuple[str, str]:
    """The features that hold the photograph and its class, by their types.

    Raises:
        UsageError: there is none, or there are several and `supervised_keys` does not tell.
    """
    tfds = tensorflow_datasets()
    features = dict(info.features.items()) if isinstance(info.features, tfds.features.FeaturesDict) else {}
    images = [key for key, one in features.items() if isinstance(one, tfds.features.Image) and one.np_dtype == np.uint8]
    images = images or [key for key, one in features.items() if _is_pixels(one)]
    labels = [key for key, one in features.items() if isinstance(one, tfds.features.ClassLabel)]
    supervised = [key for key in info.supervised_keys or () if isinstance(key, str)]
    chosen = []
    for what, found in (("image", images), ("class label", labels)):
        preferred = [key for key in supervised if key in found] or found
        if len(preferred) != 1:
            have = f"several of them: {', '.join(found)}" if found else "none"
            raise UsageError(
                f"--config.data.name={name}: is no set for image classification: it must have one {what} for each "
                f"example, and has {have}"
            )
        chosen += preferred
    return chosen[0], chosen[1]


def _is_pixels(feature: Any) -> bool:
    """Whether a feature holds decoded pixels, [H, W, 3] or [H, W, 1]."""
    shape = getattr(feature, "shape", None) or ()
    is_tensor = type(feature) is tensorflow_datasets().features.Tensor
    return is_tensor and len(shape) == 3 and shape[2] in (1, 3) and feature.np_dtype == np.uint8


def _parts(splits: list[str]) -> dict[str, str]:
    """The splits that are used, each with the part that it is; "" if the photographs are to be divided."""
    parts = {split: PARTS[split] for split in splits if split in PARTS}
    if "train" not in parts.values():
        return dict.fromkeys(splits, "")
    return parts if len(set(parts.values())) > 1 else dict.fromkeys(parts, "")


register(Source(PREFIX, load_tfds))
