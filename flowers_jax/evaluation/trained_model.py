"""Loads a trained model from a run directory alone: no data, no weights file and no config file are needed."""

import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import numpy as np

from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.errors import UsageError, first_line
from flowers_jax.evaluation.images import Inputs, in_filled_batch, one_by_one, read_in_batches
from flowers_jax.evaluation.outside_code import match, permitted
from flowers_jax.evaluation.predict import make_feature_predictor, make_predictor
from flowers_jax.losses import Loss
from flowers_jax.metrics import Metric, probabilities
from flowers_jax.models import find
from flowers_jax.models.features import Variables
from flowers_jax.models.initial import shapes
from flowers_jax.models.registry import ModelSpec
from flowers_jax.outside import is_outside
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.registry import GIVEN
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.run.model_json import check_code, fields_of, preprocessing_of
from flowers_jax.runtime import parallel
from flowers_jax.runtime.precision import dtype_of
from flowers_jax.types import Devices, HostLogits

KINDS = {"epoch": np.int64, "phase": np.str_}
"""The types of the columns of `metrics.csv` that are not float64."""


@dataclass(frozen=True, eq=False, repr=False)
class TrainedModel:
    """The best model of a run, ready to predict.

    `images` of its methods are paths, arrays uint8 [H, W, 3] of any sizes or pictures of Pillow: one, several in any
    iterable, or one array uint8 [N, H, W, 3]. The decoder of the training resizes all of them.

    Attributes:
        module, variables: `module.apply(variables, preprocessing.normalize(images), train=False)` gives the logits.
        batch_size: of `predictor`; divisible by the number of devices.
        flip: `logits` are the means of those of each image and of its mirror image.
        precision: of the activations, `float32` or `bfloat16`.
        temperature: the divisor of the logits before softmax; 1 until the run is finished.
        code: what the caller permitted to run, by the run's name for it.
        loss, metrics: what the caller gave in place of the run's, for `evaluate`.
    """

    run: RunDirectory
    spec: ModelSpec
    module: nn.Module
    variables: Variables
    devices: Devices
    batch_size: int
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    max_pixels: int
    flip: bool
    precision: str
    temperature: float
    code: Mapping[str, str]
    loss: Loss | None = None
    metrics: tuple[Metric, ...] = ()

    def __repr__(self) -> str:
        return f"<TrainedModel {self.spec.name} of {self.run.path}, {len(self.classes)} classes>"

    def predict(self, images: Inputs, batch_size: int | None = None) -> np.ndarray:
        """The probabilities of the classes, float64 [N, classes], with the temperature of the run.

        Args:
            batch_size: images at a time; None for `batch_size` of the run. The model is compiled for each one once.

        Raises:
            UsageError: an image cannot be read, or has another shape or dtype.
        """
        return probabilities(self.logits(images, batch_size), self.temperature)

    def logits(self, images: Inputs, batch_size: int | None = None) -> HostLogits:
        """As `predict`: float32 [N, classes]."""
        return self._rows(self.predictor, images, batch_size)

    def features(self, images: Inputs, batch_size: int | None = None) -> np.ndarray:
        """As `predict`: what the head of the model is given, float32 [N, F], of the images as they are (no mirror).

        Raises:
            UsageError: also if the model has no features before its head.
        """
        if self.spec.features is None:
            raise UsageError(
                f"{self.run.path}: {self.spec.name} does not say where its features are; give its ModelSpec features"
            )
        return self._rows(self.feature_predictor, images, batch_size)

    def evaluate(self, data: str | Path | Dataset, split: str = "") -> dict[str, Any]:
        """Figures of photographs whose classes are known: see `evaluation.evaluate.evaluate`."""
        from flowers_jax.evaluation.evaluate import evaluate  # which imports this module

        return evaluate(self, data, split)

    def confusion_matrix(self, split: str = "test", data: str | Path | Dataset | None = None) -> np.ndarray:
        """How often each class was taken for each: see `evaluation.confusion.confusion_matrix`."""
        from flowers_jax.evaluation.confusion import confusion_matrix  # which imports this module

        return confusion_matrix(self, split, data)

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The columns of `metrics.csv`, with a value for each epoch: `epoch` int64, `phase` text, others float64."""
        rows = self.run.read_csv("metrics.csv")
        return {
            name: np.array([row[name] or "nan" for row in rows]).astype(KINDS.get(name, np.float64)) for name in rows[0]
        }

    @property
    def summary(self) -> dict[str, Any] | None:
        """The content of `summary.json`; None while the run is not finished."""
        return self.run.read_summary()

    @functools.cached_property
    def predictor(self) -> Callable[[np.ndarray], HostLogits]:
        """From uint8 [B, size, size, 3] to logits float32 [B, classes]; B must be divisible by the devices."""
        predict = make_predictor(self.module, self.preprocessing, self.devices, flip=self.flip)
        return partial(predict, self.variables)

    @functools.cached_property
    def feature_predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """As `predictor`, to features float32 [B, F]; only of a model that has them."""
        assert self.spec.features
        predict = make_feature_predictor(self.spec.features, self.module, self.preprocessing, self.devices)
        return partial(predict, self.variables)

    def _whole_batch(self, batch_size: int | None) -> int:
        """Images at a time: `batch_size`, or that of the run, rounded up to a multiple of the devices.

        Raises:
            UsageError: it is not a whole number of at least 1.
        """
        if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
            raise UsageError(f"batch_size={batch_size!r}: must be a whole number of at least 1, or None")
        return parallel.round_up(batch_size or self.batch_size, len(self.devices))

    def _rows(self, function: Callable[[np.ndarray], Any], images: Inputs, batch_size: int | None) -> np.ndarray:
        size, count, batches = self.preprocessing.size, self._whole_batch(batch_size), []
        for batch in read_in_batches(one_by_one(images), self.preprocessing, self.max_pixels, count):
            if refused := [one for one in batch if isinstance(one, Skipped)]:
                raise UsageError(str(refused[0]))
            batches.append(in_filled_batch(function, [one for one in batch if not isinstance(one, Skipped)], count))
        return np.concatenate(batches) if batches else function(np.zeros((count, size, size, 3), np.uint8))[:0]


def load(
    run_path: str | Path,
    precision: str = "auto",
    code: str | Sequence[str] = (),
    *,
    loss: Loss | Callable[..., Any] | None = None,
    metrics: Sequence[str | Metric] | Mapping[str, Callable[..., float]] = (),
) -> TrainedModel:
    """The best model of a run directory, on all local devices. Nothing in the directory is executed.

    Args:
        precision: one of `PRECISIONS`, independent of the training; a module without a `dtype` stays in float32.
        code: `MODULE:NAME` or `FILE.py:NAME`, or several, of the run's code outside the package; it is executed: the
            model's now, that of the loss and of the metrics in `evaluate`.
        loss, metrics: the objects that the run was given in Python, as `fit` takes them, for `evaluate`. Names of
            metrics change nothing: the run has them.

    Raises:
        UsageError: it is no run directory, no finished epoch is saved, or the code of the model is not given.
    """
    run = RunDirectory.existing(run_path)
    description, config, checkpoints = run.read_model(), run.read_config(), Checkpoints(run.path)
    latest, number = checkpoints.usable() or (0, 0)
    if not number:
        raise UsageError(f"--run={run_path}: no finished epoch is saved yet, so there is no model")
    devices, dtype = parallel.local_devices(), dtype_of(precision)
    codes = _codes(run, description, config, code)
    spec = _spec(run, description, codes)
    try:
        fields = fields_of(description)
        fields |= {"dtype": dtype} if "dtype" in fields else {}
        module = spec.module(len(description["classes"]), **fields)
        preprocessing = preprocessing_of(description)
        like = {"batch_stats": {}} | shapes(module, preprocessing.size)
        like = {"params": like["params"], "batch_stats": like["batch_stats"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{run.path / 'model.json'}: not a model of this version ({first_line(error)})") from error
    try:
        variables = checkpoints.model(number, parallel.replicated(like, devices))
    except UsageError:
        if checkpoints.is_unsealed(number):  # a running training has replaced it
            return load(run_path, precision, code, loss=loss, metrics=metrics)
        raise
    return TrainedModel(
        run=run,
        spec=spec,
        module=module,
        variables=variables,
        devices=devices,
        batch_size=parallel.round_up(config.batch_size, len(devices)),
        classes=tuple(description["classes"]),
        preprocessing=preprocessing,
        max_pixels=config.data.max_pixels,
        flip=description.get("flip", False),
        precision=dtype.name if "dtype" in fields else "float32",
        temperature=_temperature(run, checkpoints.progress(latest), number),
        code=codes,
        loss=loss if loss is None or isinstance(loss, Loss) else Loss(GIVEN, loss),
        metrics=_metrics(metrics),
    )


def _codes(
    run: RunDirectory, description: Mapping[str, Any], config: Config, code: str | Sequence[str]
) -> dict[str, str]:
    names = (str(description.get("name")), config.loss.name, *config.metrics)
    return match(str(run.path), names, [code] if isinstance(code, str) and code else list(code))


def _spec(run: RunDirectory, description: Mapping[str, Any], codes: Mapping[str, str]) -> ModelSpec:
    """The model of a run: by its name in the package, or from the code that the caller permits."""
    name, described = description.get("name"), run.path / "model.json"
    if not isinstance(name, str):
        raise UsageError(f"{described}: not a model of this version (its name is {name!r})")
    code = permitted(str(run.path), codes, name, "model")
    if is_outside(name):
        spec = find(code)
        check_code(code, description.get("code_sha256"), str(described))
        return spec
    try:
        return find(name)
    except UsageError as error:
        raise UsageError(f"{described}: not a model of this version ({first_line(error)})") from error


def _metrics(given: Sequence[str | Metric] | Mapping[str, Callable[..., float]]) -> tuple[Metric, ...]:
    if isinstance(given, Mapping):
        return tuple(Metric(name, function) for name, function in given.items())
    return tuple(metric for metric in given if isinstance(metric, Metric))


def _temperature(run: RunDirectory, progress: Mapping[str, Any], number: int) -> float:
    """The temperature of the model of checkpoint `number`; 1 if none is fitted yet, or to another, lost model."""
    summary = run.read_summary()
    kept = (progress["model_checkpoint"], progress["model_epoch"])
    return summary["temperature"] if summary and kept == (number, summary["model_epoch"]) else 1.0


class Predicted(NamedTuple):
    """A photograph as the model sees it, uint8 [size, size, 3], and the probabilities of the classes, float64."""

    path: str
    image: np.ndarray
    probabilities: np.ndarray


def predict_files(
    model: TrainedModel, paths: Sequence[str], batch_size: int | None = None
) -> Generator[Predicted | Skipped, None, None]:
    """The outcome of each file in order; a few batches are in memory at a time.

    Args:
        batch_size: files at a time; None for `batch_size` of the run. The model is compiled for each one once.
    """
    names, count = iter(paths), model._whole_batch(batch_size)
    for batch in read_in_batches(paths, model.preprocessing, model.max_pixels, count):
        images, rows = [one for one in batch if not isinstance(one, Skipped)], iter(())
        if images:
            rows = iter(probabilities(in_filled_batch(model.predictor, images, count), model.temperature))
        for one, name in zip(batch, names, strict=False):
            yield one if isinstance(one, Skipped) else Predicted(name, one, next(rows))
