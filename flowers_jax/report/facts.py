"""What a report says in words and tables: figures, classes, photographs, settings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.data.split import SPLITS
from flowers_jax.evaluation.predictions import Predictions
from flowers_jax.report.html import percent
from flowers_jax.run.directory import RunDirectory

WORDS = {
    "balanced_accuracy": ("balanced accuracy", "the mean of the recalls of the classes"),
    "macro_f1": ("macro F1", "the mean of the F1 of the classes"),
    "top_5": ("top 5", "how often the class is one of the five likeliest"),
    "ece": ("ECE", "expected calibration error of the model's own probabilities"),
    "calibrated_ece": ("calibrated ECE", "the same with the temperature, as predictions have it"),
    "nll": ("negative log-likelihood", "of the class, with the model's own probabilities"),
    "loss": ("loss", "that of config.loss.name, without smoothed labels, class weights and mixed images"),
}
"""What figures are called, and what they are."""

SHARES = ("balanced_accuracy", "macro_f1", "top_5", "ece", "calibrated_ece")


class ClassRow(NamedTuple):
    """The figures of a class on the tested photographs."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class Setting(NamedTuple):
    """A key of the config, its value as text, and the default where it differs."""

    key: str
    value: str
    default: str | None


class Photographs(NamedTuple):
    """How many photographs each class has in `train`, `validation` and `test`, in total too."""

    rows: Sequence[tuple[str, Sequence[int]]]
    total: Sequence[int]

    @property
    def imbalance(self) -> float:
        """The training photographs of the largest class for one of the smallest."""
        counts = [parts[0] for _, parts in self.rows]
        return max(counts) / max(1, min(counts))


def classes(predictions: Predictions) -> list[ClassRow]:
    """The worst first; classes without a tested photograph last."""
    rows = [ClassRow(name, *(of[key] for key in ClassRow._fields[1:])) for name, of in predictions.per_class().items()]
    return sorted(rows, key=lambda row: (not row.support, row.f1))


def figures(predictions: Predictions, summary: Mapping[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """(name, what it is, value) beside the accuracy.

    Args:
        summary: of the run whose test part was predicted; it has more.
    """
    if summary is None:
        recalls = [row.recall for row in classes(predictions) if row.support]
        found = {"balanced_accuracy": sum(recalls) / len(recalls), "calibrated_ece": predictions.ece()}
    else:
        found = {name: value for name, value in summary["test_metrics"].items() if name != "accuracy"}
        found |= {"calibrated_ece": summary["test_calibrated_ece"], "loss": summary["test_loss"]}
    return [
        (*WORDS.get(name, (name, "")), percent(value) if name in SHARES else f"{value:.4f}")
        for name, value in found.items()
    ]


def photographs(run: RunDirectory, names: Sequence[str]) -> Photographs:
    """From `splits.csv`."""
    counts = Counter((row["label"], row["split"]) for row in run.read_splits().values())
    rows = [(name, [counts[name, part] for part in SPLITS]) for name in names]
    return Photographs(rows, [sum(column) for column in zip(*(parts for _, parts in rows), strict=True)])


def settings(config: Config) -> list[Setting]:
    """Every key, in the order of the config."""
    defaults, text = known_defaults(config), config_lib.text_of
    return [
        Setting(key, text(value), text(defaults[key]) if key in defaults and defaults[key] != value else None)
        for key, value in config_lib.flatten(config).items()
    ]


def known_defaults(config: Config) -> dict[str, Any]:
    """By key; options of a part from outside the package are missing, because it is not asked: its code would run."""
    defaults = {key: declared.default for key, declared in config_lib.KEYS.items()}
    for section, registry in config_lib.registries().items():
        if part := registry.get(getattr(config, section).name):
            defaults |= {f"{section}.options.{name}": option.default for name, option in part.options.items()}
    return defaults


def duration(seconds: float) -> str:
    """`344` as `5 min 44 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
