"""Evaluates a trained model on a folder of photographs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowers_jax import metrics
from flowers_jax.data import memory, sources
from flowers_jax.data.checks.review import review
from flowers_jax.data.dataset import Dataset, Example, identity
from flowers_jax.data.loader import decode_split, in_order
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.predict import predict_all
from flowers_jax.evaluation.trained_model import TrainedModel

Rows = Mapping[str, Mapping[str, str]]
"""The rows of `splits.csv` by path."""


def evaluate(model: TrainedModel, folder: str, split: str = "") -> dict[str, Any]:
    """Evaluate the model on photographs of classes, whose names are matched to the model's classes.

    Args:
        folder: class folders; or a file `*.csv`, or a source as in `config.data.name`.
        split: the part to evaluate. In a divided folder (default: test) `splits.csv` decides for the run's own
            photographs, recognized by path and content, and the folder name for others. In an undivided folder
            (default: all) these are the photographs of that part of the run, recognized by content alone.

    Returns:
        `accuracy`, `loss`, `split` (the evaluated part, or `all`), `examples` (their number), `parts` (how many of them
        the run used for `train`, `validation` and `test`, recognized by content, and `other`), `precision`,
        `per_class`, `data` (the source, the number and the hash of the evaluated photographs), `skipped`.

    Raises:
        UsageError: a class that the model does not know, no photograph, or too many for the memory.
    """
    dataset = _load(model, folder)
    rows = model.run.read_splits()
    part_of = {row["sha256"]: row["split"] for row in rows.values()}
    chosen = _select(rows, part_of, dataset.examples, split)
    if not chosen:
        raise UsageError(f"--data={folder} --split={split or 'test'}: {_reason_for_none(model, dataset, split)}")
    size = memory.decoded_size(len(chosen), model.preprocessing.size)
    memory.check(size, f"--data={folder}", "a folder of fewer photographs, or a --split")
    chosen = [
        replace(example, label=model.classes.index(dataset.classes[example.label]), split="test") for example in chosen
    ]
    evaluated = replace(dataset, examples=tuple(chosen), classes=model.classes)
    part = decode_split(evaluated, "test", model.preprocessing, max_pixels=model.max_pixels)
    logits = predict_all(model.predict, in_order(part, model.batch_size))
    counts = Counter(part_of.get(example.sha256, "other") for example in chosen)
    return {
        "accuracy": metrics.accuracy(logits, part.labels),
        "loss": metrics.cross_entropy(logits, part.labels),
        "split": split or ("test" if dataset.examples[0].split else "all"),
        "examples": len(chosen),
        "parts": {name: counts[name] for name in (*SPLITS, "other")},
        "precision": model.precision,
        "per_class": metrics.per_class(logits, part.labels, model.classes),
        "data": identity(evaluated),
        "skipped": [skipped._asdict() for skipped in dataset.skipped],
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


def _load(model: TrainedModel, folder: str) -> Dataset:
    """The photographs of a folder, of a table, or of a source by its name, read with the settings of the run."""
    dataset = review(sources.load_named(model.run.read_config(), folder, f"--data={folder}"))
    if not dataset.examples:
        seen = f"; the first of {len(dataset.skipped)} skipped: {dataset.skipped[0]}" if dataset.skipped else ""
        raise UsageError(f"--data={folder}: no usable photograph{seen}")
    if unknown := sorted(set(dataset.classes) - set(model.classes)):
        raise UsageError(
            f"--data={folder}: the model knows no class {', '.join(unknown)}; it knows {', '.join(model.classes)}"
        )
    return dataset


def _select(rows: Rows, part_of: Mapping[str, str], examples: Sequence[Example], split: str) -> list[Example]:
    """The examples to evaluate (see `evaluate`). `part_of`: from SHA-256 to the part of the run."""
    if examples[0].split:

        def part(example: Example) -> str:
            row = rows.get(example.path)
            return row["split"] if row and row["sha256"] == example.sha256 else example.split

        return [example for example in examples if part(example) == (split or "test")]
    return [example for example in examples if split in ("", part_of.get(example.sha256))]


def _reason_for_none(model: TrainedModel, dataset: Dataset, split: str) -> str:
    if dataset.examples[0].split:
        return f"no photograph of its {split or 'test'} part"
    return f"none of its photographs is in the {split} part of {model.run.path / 'splits.csv'}; leave --split out"
