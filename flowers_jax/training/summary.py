"""`summary.json`: the result of a finished run."""

import contextlib
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from statistics import median
from typing import Any

import numpy as np

from flowers_jax import losses, metrics
from flowers_jax.config_types import Config
from flowers_jax.data.split import without_photographs
from flowers_jax.evaluation.predictions import Predictions
from flowers_jax.training.photographs import describe
from flowers_jax.training.setup import Job
from flowers_jax.training.state import Progress, parameter_counts

PACKAGES = ("flowers-jax", "jax", "flax", "optax", "orbax-checkpoint", "numpy", "pillow", "tensorflow-datasets")

Predicted = tuple[np.ndarray, np.ndarray]
"""Logits [N, classes] and labels [N]."""


def summarize(
    config: Config,
    job: Job,
    progress: Progress,
    *,
    validation: Predicted,
    test: Predicted | None,
    predictions: Predictions | None,
    temperature: float,
    seconds: float,
    estimated: float,
) -> dict[str, Any]:
    """The figures of the run's model; those of the test part are null if there is no test part.

    `test_interval` is Wilson's 95 % interval of the test accuracy. `test_metrics.ece` is of the model's own
    probabilities, and `test_calibrated_ece` of those with the temperature, which predictions have.

    `estimated_seconds` is what was expected of `seconds` before the first epoch, or before that of a resumed run.

    `classes_without_photographs` lists for validation and test the classes without a photograph there: the figures do
    not cover these classes. If there is no test part, its list is empty.
    """
    trainable, parameters = parameter_counts(job.variables["params"], job.phases[-1].frozen)
    described = describe(job.dataset) | job.description["dataset"]  # an older run described its name and reason alone
    return {
        "dataset": job.dataset.name,
        "dataset_reason": job.dataset.reason,
        "dataset_source": described["source"],
        "dataset_sha256": described["sha256"],
        "dataset_examples": described["examples"],
        "model": config.model.name,
        "weights": job.weights.name,
        "weights_sha256": job.weights.sha256,
        "weights_reason": job.weights.reason,
        "classes": list(job.dataset.classes),
        "parameters": parameters,
        "trainable_parameters": trainable,
        "seed": config.seed,
        "epochs": progress.epoch,
        "phase_epochs": progress.phase_epoch,
        "best_epoch": progress.best_epoch,
        "model_epoch": progress.model_epoch,
        "stopped_reason": progress.stop_reason or ("early_stopping" if progress.stopping.stop else "epochs"),
        "val_accuracy": metrics.accuracy(*validation),
        "val_loss": losses.of_logits(job.loss, *validation),
        "test_accuracy": metrics.accuracy(*test) if test else None,
        "test_loss": losses.of_logits(job.loss, *test) if test else None,
        "test_metrics": metrics.values(*test, job.columns.values()) if test else None,
        "test_interval": list(predictions.interval) if predictions else None,
        "test_calibrated_ece": predictions.ece() if predictions else None,
        "test_examples": len(test[1]) if test else 0,
        "classes_without_photographs": {
            part: without_photographs(job.dataset.examples, job.dataset.classes, part)
            for part in ("validation", "test")
        },
        "skipped": [skipped._asdict() for skipped in job.dataset.skipped],
        "temperature": temperature,
        "seconds": round(seconds, 2),
        "estimated_seconds": round(estimated, 2),
        "images_per_second": round(median(_rates(progress.rows)), 2),
        "devices": [device.device_kind for device in job.devices],
        "versions": versions(PACKAGES),
    }


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Of Python, and of those packages that are installed: where JAX is the machine's own, others may be missing."""
    found = {"python": platform.python_version()}
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _rates(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Images per second of the epochs of the last phase; other phases may have used features."""
    return [float(row["images_per_second"]) for row in rows if row["phase"] == rows[-1]["phase"]]
