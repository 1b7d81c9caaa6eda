"""Evaluates an exported file on photographs whose classes are known, as `evaluation.evaluate` does a run."""

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from flowers_jax import metrics
from flowers_jax.config_types import Config
from flowers_jax.data import memory, sources
from flowers_jax.data.checks.review import review
from flowers_jax.data.dataset import Dataset, identity
from flowers_jax.data.loader import decode_split
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.evaluate import check_classes, with_labels
from flowers_jax.export.check import in_batches
from flowers_jax.export.folder import size_of
from flowers_jax.export.registry import Predict, of_file
from flowers_jax.run.model_json import preprocessing_of

REPEATS = 20
TINY = 1e-12
"""Probabilities below it count as it, because their logarithm would be infinite."""


def evaluate_file(path: Path, data: str, split: str = "") -> dict[str, Any]:
    """
    Args:
        data: class folders, a file `*.csv`, or a source as in `config.data.name`.
        split: `train`, `validation` or `test` (the default) of divided data.

    Returns:
        `accuracy`, `loss` (the negative log-likelihood of the file's probabilities, in nats), `metrics`, `split`,
        `examples`, `per_class`, `data`, `skipped`, as `evaluation.evaluate`; `latency_ms`, the median time of one
        image; `bytes`, the size of the file or folder.

    Raises:
        UsageError: it is no exported file, a package is missing, a class is unknown, or there is no photograph.
    """
    artifact = of_file(path).read(path)
    try:
        classes, preprocessing = tuple(artifact.description["classes"]), preprocessing_of(artifact.description)
    except (KeyError, TypeError) as error:
        raise UsageError(f"--artifact={path}: its description was not written by this version ({error})") from error
    chosen, evaluated = _chosen(data, split, classes)
    memory.check(memory.decoded_size(len(chosen.examples), preprocessing.size), f"--data={data}", "fewer photographs")
    part = decode_split(chosen, "test", preprocessing, max_pixels=Config().data.max_pixels)
    logits = np.log(np.maximum(in_batches(artifact.predict, part.images), TINY))
    figures = metrics.values(logits, part.labels)
    return {
        "accuracy": figures["accuracy"],
        "loss": figures["nll"],
        "metrics": figures,
        "split": evaluated,
        "examples": len(part.labels),
        "per_class": metrics.per_class(logits, part.labels, classes),
        "data": identity(chosen),
        "skipped": [skipped._asdict() for skipped in chosen.skipped],
        "latency_ms": round(1000 * _latency(artifact.predict, part.images), 3),
        "bytes": size_of(path),
    }


def _chosen(data: str, split: str, classes: tuple[str, ...]) -> tuple[Dataset, str]:
    """The photographs to evaluate, with the labels of the file and all in the part `test`; and which part it was."""
    said = f"--data={data}"
    dataset = review(sources.load_named(Config(), data, said))
    check_classes(dataset, classes, said)
    divided = any(example.split for example in dataset.examples)
    if split and not divided:
        raise UsageError(
            f"{said} --split={split}: the folder is not divided into {', '.join(SPLITS)}; leave --split out"
        )
    wanted = (split or "test") if divided else ""
    chosen = tuple(replace(example, split="test") for example in dataset.examples if example.split == wanted)
    if not chosen:
        raise UsageError(f"{said}: no usable photograph{f' in its {wanted} part' if wanted else ''}")
    return with_labels(replace(dataset, examples=chosen), classes), wanted or "all"


def _latency(predict: Predict, images: np.ndarray) -> float:
    """The median of the seconds for one image, after one that is not counted."""
    predict(images[:1])
    times = []
    for number in range(REPEATS):
        start = time.perf_counter()
        predict(images[number % len(images)][None])
        times.append(time.perf_counter() - start)
    return statistics.median(times)
