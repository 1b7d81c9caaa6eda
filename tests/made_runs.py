"""Finished runs of given photographs and predictions, written without training."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flowers_jax import config as config_lib
from flowers_jax.data.dataset import Example
from flowers_jax.evaluation.predictions import of_rows
from flowers_jax.run.directory import RunDirectory
from tests.conftest import smoke_config

CLASSES = ("daisy", "rose")


class Photograph(NamedTuple):
    """What a run says of one photograph: `content` stands for its bytes, `predicted` counts in the test part alone."""

    content: str
    label: str
    split: str
    predicted: str = ""
    path: str = ""


def judged(right: Iterable[bool], label: str = "rose", wrong: str = "daisy", begin: int = 0) -> list[Photograph]:
    """Test photographs of one class, of which the predictions are right or wrong."""
    return [Photograph(f"{begin + i}", label, "test", label if hit else wrong) for i, hit in enumerate(right)]


def write(
    path: Path,
    photographs: Sequence[Photograph],
    classes: Sequence[str] = CLASSES,
    *,
    epochs: int = 3,
    summary: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A finished run.

    Args:
        summary: what its `summary.json` has besides; changes: of its config, with `__` for the dot.
    """
    run = RunDirectory(path)
    named = [one._replace(path=one.path or f"{one.label}/{one.content}.jpg") for one in photographs]
    shas = [hashlib.sha256(one.content.encode()).hexdigest() for one in named]
    data = hashlib.sha256("".join(sorted(shas)).encode()).hexdigest()
    config = config_lib.validate(smoke_config())
    run.write_config(config_lib.replace(config, {key.replace("__", "."): value for key, value in changes.items()}))
    run.write_model({"name": "seed_cnn", "classes": list(classes), "dataset": {"name": "photos", "sha256": data}})
    run.write_splits(
        (
            Example(one.path, list(classes).index(one.label), sha, split=one.split)
            for one, sha in zip(named, shas, strict=True)
        ),
        classes,
    )
    curve = [
        {"epoch": epoch, "phase": "train", "val_loss": 1 / epoch, "val_accuracy": 1 - 1 / (epoch + 1)}
        for epoch in range(1, epochs + 1)
    ]
    run.write_metrics(curve)
    rows = [
        {"path": one.path, "label": one.label, "predicted": one.predicted, "probability": "0.8"}
        for one in sorted(named, key=lambda one: one.path)
        if one.split == "test"
    ]
    run.write_predictions(rows)
    predictions = of_rows(rows, classes)
    figures = {
        "dataset": "photos", "model": "seed_cnn", "epochs": epochs, "best_epoch": epochs, "val_accuracy": 0.75,
        "val_loss": 1 / epochs, "test_accuracy": predictions.accuracy if rows else None,
        "test_loss": 0.5 if rows else None, "test_examples": len(rows), "parameters": 5603,
        "trainable_parameters": 5603, "seconds": 3.2, "images_per_second": 812.5, "stopped_reason": "epochs",
    }  # fmt: skip
    run.write_summary(figures | (summary or {}))
    return run.path
