"""`report.html`: the result of a run, or what its model says of new photographs, on a page of one file."""

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowers_jax.data.dataset import Dataset
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import evaluate
from flowers_jax.evaluation import predictions as predictions_lib
from flowers_jax.evaluation.own import own_photographs
from flowers_jax.evaluation.predictions import Predictions
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.report import command, facts, html
from flowers_jax.report.examples import examples
from flowers_jax.report.pictures import drawing

ALTS = {
    "curves": "Curves of loss, accuracy and learning rate over the epochs",
    "confusion_matrix": "Confusion matrix: a row for each class, a column for each predicted class",
    "per_class": "Precision, recall and F1 of each class; the table has the numbers",
    "calibration": "Reliability diagram: accuracy over the probability of the predicted class",
}


@dataclass(frozen=True)
class Tested:
    """What a page is about.

    Attributes:
        name: of the photographs, for the title.
        of_run: they are the test part of the run.
        dataset: the photographs; None if they cannot be read any more.
        training: the photographs of the run with its splits; None as above.
        remarks: what a reader must know of them.
    """

    name: str
    of_run: bool
    predictions: Predictions
    dataset: Dataset | None
    training: Dataset | None
    remarks: tuple[str, ...] = ()


def of_run(model: TrainedModel, dataset: Dataset | None = None) -> Tested:
    """The test part of a finished run.

    Args:
        dataset: the photographs of the run; None reads them again.

    Raises:
        UsageError: the run is not finished.
    """
    predictions, remarks = predictions_lib.of_run(model.run), ()
    if dataset is None:
        dataset, remarks = _own(model)
    return Tested(model.run.read_model()["dataset"]["name"], True, predictions, dataset, dataset, remarks)


def of_new(model: TrainedModel, data: str) -> Tested:
    """New photographs with labels: class folders, a file `*.csv`, a source.

    Raises:
        UsageError: see `evaluation.evaluate.select`; or the run is not finished.
    """
    predictions_lib.of_run(model.run)
    chosen = evaluate.select(model, data, "")
    logits, labels = evaluate.predictions(model, chosen)
    paths = [example.path for example in chosen.examples]
    predictions = predictions_lib.of_logits(paths, logits, labels, model.temperature, model.classes)
    training, remarks = _own(model)
    parts = evaluate.part_by_content(model.run.read_splits())
    known = Counter(parts.get(example.sha256) for example in chosen.examples)["train"]
    if known:
        remarks += (f"The model was trained on {known} of these {len(paths)} photographs, which makes it look better.",)
    if chosen.skipped:
        remarks += (f"Skipped files: {len(chosen.skipped)}; the first: {chosen.skipped[0]}",)
    return Tested(chosen.name, False, predictions, chosen, training, remarks)


def write(model: TrainedModel, tested: Tested, file: Path) -> None:
    """Write the page, completely or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    html.write(file, "report.html", values(model, tested))


def values(model: TrainedModel, tested: Tested) -> dict[str, Any]:
    """What the template shows."""
    run, predictions = model.run, tested.predictions
    summary, config = run.read_summary(), run.read_config()
    assert summary  # `of_run` and `of_new` have refused a run without it
    try:
        again, no_command = command.repeat(config), ""
    except ValueError as error:
        again, no_command = [], str(error)
    return {
        "title": f"{summary['model']} on {tested.name}",
        "run": run.path,
        "quoted_run": shlex.quote(str(run.path)),
        "tested": tested,
        "summary": summary,
        "seconds": facts.duration(summary["seconds"]),
        "right": int(predictions.right.sum()),
        "figures": facts.figures(predictions, summary if tested.of_run else None) if predictions.paths else [],
        "confusions": predictions.confusions(),
        "classes": facts.classes(predictions),
        "plots": dict(_plots(model, tested, summary)),
        "alts": ALTS,
        "examples": examples(model, predictions, tested.dataset, tested.training),
        "photographs": facts.photographs(run, model.classes),
        "parts": SPLITS,
        "settings": facts.settings(config),
        "command": again,
        "no_command": no_command,
    }


def _own(model: TrainedModel) -> tuple[Dataset | None, tuple[str, ...]]:
    """The photographs of the run, or None and why."""
    try:
        return own_photographs(model), ()
    except UsageError as error:
        return None, (f"The photographs of the run cannot be shown: {error}.",)


def _plots(model: TrainedModel, tested: Tested, summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, address of the image) of each picture."""
    draw, save = drawing()
    config, run = model.run.read_config(), model.run
    steps = -(-sum(row["split"] == "train" for row in run.read_splits().values()) // config.batch_size)
    figures = [*draw.of_epochs(run.read_csv("metrics.csv"), config, summary["best_epoch"], steps)]
    for name, figure in [*figures, *draw.of_test(tested.predictions)]:
        yield name, html.data_uri(save.page_svg(figure), "image/svg+xml")
