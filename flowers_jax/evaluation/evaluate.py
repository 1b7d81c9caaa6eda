"""Evaluates a trained model on photographs whose classes are known."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowers_jax import losses, metrics
from flowers_jax.data import memory, sources
from flowers_jax.data.checks.review import review
from flowers_jax.data.dataset import Dataset, Example, identity
from flowers_jax.data.loader import decode_split, in_order
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.predict import predict_all
from flowers_jax.evaluation.scoring import loss_of, metrics_of
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.types import HostLabels, HostLogits

Rows = Mapping[str, Mapping[str, str]]
"""The rows of `splits.csv` by path."""


def evaluate(model: TrainedModel, data: str | Path | Dataset, split: str = "") -> dict[str, Any]:
    """Evaluate the model on photographs of classes, whose names are matched to the model's classes.

    Args:
        data: class folders, a file `*.csv`, a source as in `config.data.name`, or a `Dataset`.
        split: the part to evaluate. In divided data (default: test) `splits.csv` decides for the run's own
            photographs, recognized by path and content, and the folder name for others. In undivided data
            (default: all) these are the photographs of that part of the run, recognized by content alone.

    Returns:
        `accuracy`, `loss` (the run's, without class weights and smoothing), `metrics` (by name, those of the package
        and of the run), `split` (the evaluated part, or `all`), `examples` (their number), `parts` (how many of them
        the run used for `train`, `validation` and `test`, recognized by content, and `other`), `precision`,
        `per_class`, `data` (the source, the number and the hash of the evaluated photographs), `skipped`. A loss or a
        metric that was an object of Python is None if it is not given again.

    Raises:
        UsageError: a class that the model does not know, no photograph, too many for the memory, or a loss or a
            metric outside the package that was not permitted.
    """
    config = model.run.read_config()
    loss, named = loss_of(model, config), metrics_of(model, config)
    chosen = select(model, data, split)
    logits, labels = predictions(model, chosen)
    parts = part_by_content(model.run.read_splits())
    counts = Counter(parts.get(example.sha256, "other") for example in chosen.examples)
    return {
        "accuracy": metrics.accuracy(logits, labels),
        "loss": losses.of_logits(loss, logits, labels) if loss else None,
        "metrics": {name: float(one.function(logits, labels)) if one else None for name, one in named.items()},
        "split": split or ("test" if chosen.examples[0].split else "all"),
        "examples": len(labels),
        "parts": {name: counts[name] for name in (*SPLITS, "other")},
        "precision": model.precision,
        "per_class": metrics.per_class(logits, labels, model.classes),
        "data": identity(chosen),
        "skipped": [skipped._asdict() for skipped in chosen.skipped],
    }


def trained_on(report: Mapping[str, Any]) -> str:
    """A warning if the evaluation counts photographs of the run's training part; "" if it does not."""
    parts, examples = report["parts"], report["examples"]
    if not parts["train"]:
        return ""
    some = f"{parts['train']} of the {examples}" if parts["train"] < examples else f"all {examples}"
    instead = (
        "; --split=test counts those of the run's test part alone" if parts["test"] and report["split"] == "all" else ""
    )
    return f"warning: {some} photographs were trained on{instead}"


def not_computed(report: Mapping[str, Any]) -> str:
    """A warning if the loss or a metric is missing in the evaluation; "" if none is."""
    missing = [f"metrics.{name}" for name, value in report["metrics"].items() if value is None]
    missing = ["loss", *missing] if report["loss"] is None else missing
    if not missing:
        return ""
    return (
        f"warning: {', '.join(missing)}: null, because the run was given an object of Python for it; "
        "flowers_jax.load(RUN, loss=..., metrics=...).evaluate(DATA) takes it again"
    )


def select(model: TrainedModel, data: str | Path | Dataset, split: str) -> Dataset:
    """The photographs of `data` to evaluate (see `evaluate`), with the labels of the model."""
    if split not in ("", *SPLITS):
        raise UsageError(f"split={split!r}: must be one of {', '.join(SPLITS)}, or empty")
    dataset = _read(model, data)
    check_classes(dataset, model.classes, _said(data))
    chosen = _chosen(model.run.read_splits(), dataset.examples, split)
    if not chosen:
        raise UsageError(f"{_said(data)} --split={split or 'test'}: {_reason_for_none(model, dataset, split)}")
    return with_labels(replace(dataset, examples=tuple(chosen)), model.classes)


def check_classes(dataset: Dataset, classes: Sequence[str], said: str) -> None:
    """
    Args:
        said: what the data is called in messages.

    Raises:
        UsageError: a class of the data set is none of the model's `classes`.
    """
    if unknown := sorted(set(dataset.classes) - set(classes)):
        raise UsageError(f"{said}: the model knows no class {', '.join(unknown)}; it knows {', '.join(classes)}")


def with_labels(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The data set with the labels of `classes`, which has all of its own."""
    label = [classes.index(name) for name in dataset.classes]
    examples = tuple(replace(example, label=label[example.label]) for example in dataset.examples)
    return replace(dataset, examples=examples, classes=tuple(classes))


def predictions(model: TrainedModel, dataset: Dataset) -> tuple[HostLogits, HostLabels]:
    """Logits [N, classes] and labels [N] of all photographs of a data set with the model's classes."""
    whole = replace(dataset, examples=tuple(replace(example, split="test") for example in dataset.examples))
    cache = memory.place("auto", memory.decoded_size(len(dataset.examples), model.preprocessing.size))
    part = decode_split(whole, "test", model.preprocessing, max_pixels=model.max_pixels, cache=cache)
    return predict_all(model.predictor, in_order(part, model.batch_size), len(part.labels)), part.labels


def _said(data: str | Path | Dataset) -> str:
    return f"data={data.name}" if isinstance(data, Dataset) else f"--data={data}"


def _read(model: TrainedModel, data: str | Path | Dataset) -> Dataset:
    """The photographs without copies; what is not read yet is read with the settings of the run."""
    if isinstance(data, Dataset):
        dataset = review(data)
    else:
        dataset = review(sources.load_named(model.run.read_config(), str(data), _said(data)))
    if not dataset.examples:
        seen = f"; the first of {len(dataset.skipped)} skipped: {dataset.skipped[0]}" if dataset.skipped else ""
        raise UsageError(f"{_said(data)}: no usable photograph{seen}")
    return dataset


def part_by_content(rows: Rows) -> dict[str, str]:
    """From the SHA-256 of a photograph of the run to its part."""
    return {row["sha256"]: row["split"] for row in rows.values()}


def _chosen(rows: Rows, examples: Sequence[Example], split: str) -> list[Example]:
    if any(example.split for example in examples):

        def part(example: Example) -> str:
            row = rows.get(example.path)
            return row["split"] if row and row["sha256"] == example.sha256 else example.split

        return [example for example in examples if part(example) == (split or "test")]
    parts = part_by_content(rows)
    return [example for example in examples if split in ("", parts.get(example.sha256))]


def _reason_for_none(model: TrainedModel, dataset: Dataset, split: str) -> str:
    if any(example.split for example in dataset.examples):
        return f"no photograph of its {split or 'test'} part"
    return f"none of its photographs is in the {split} part of {model.run.path / 'splits.csv'}; leave --split out"
