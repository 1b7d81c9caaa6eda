"""How good a trained model is on a folder of photographs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flowers_jax.data.dataset import Example
from flowers_jax.data.folder import load_folder
from flowers_jax.data.pipeline import decode_split, in_order
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import metrics
from flowers_jax.evaluation.predict import predict_all
from flowers_jax.evaluation.trained import TrainedModel


def evaluate(model: TrainedModel, folder: str, split: str = "") -> dict[str, Any]:
    """`accuracy`, `loss`, `examples`, `precision`, `per_class` and `skipped` on the photographs of a folder.

    Folder names are matched to the model's classes by name.

    Args:
        split: in a folder that is divided, the part (default test); in one that is not, those photographs that the
            run itself had in that part, told by content (default: all).

    Raises:
        UsageError: a class that the model does not know, or no photograph.
    """
    follow_links = model.run.read_config().data.follow_links
    try:
        dataset = load_folder(folder, max_pixels=model.max_pixels, follow_links=follow_links)
    except UsageError as error:
        raise UsageError(f"--data={error}") from error
    if unknown := sorted(set(dataset.classes) - set(model.classes)):
        raise UsageError(
            f"--data={folder}: the model knows no class {', '.join(unknown)}; it knows {', '.join(model.classes)}"
        )
    chosen = [
        replace(example, label=model.classes.index(dataset.classes[example.label]), split="test")
        for example in _select(model, folder, dataset.examples, split)
    ]
    part = decode_split(
        replace(dataset, examples=tuple(chosen)), "test", model.preprocessing, max_pixels=model.max_pixels
    )
    logits = predict_all(model.predict, in_order(part, model.batch_size))
    return {
        "accuracy": metrics.accuracy(logits, part.labels),
        "loss": metrics.cross_entropy(logits, part.labels),
        "examples": len(chosen),
        "precision": model.precision,
        "per_class": metrics.per_class(logits, part.labels, model.classes),
        "skipped": [skipped._asdict() for skipped in dataset.skipped],
    }


def _select(model: TrainedModel, folder: str, examples: Sequence[Example], split: str) -> list[Example]:
    if examples[0].split:
        chosen = [example for example in examples if example.split == (split or "test")]
        where = f"no photograph in its {split or 'test'} folder"
    elif split:
        contents = {row["sha256"] for row in model.run.read_splits().values() if row["split"] == split}
        chosen = [example for example in examples if example.sha256 in contents]
        where = f"none of its photographs is in the {split} part of {model.run.path / 'splits.csv'}; leave --split out"
    else:
        return list(examples)
    if not chosen:
        raise UsageError(f"--data={folder} --split={split or 'test'}: {where}")
    return chosen
