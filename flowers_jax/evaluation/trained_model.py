"""Loads a trained model from a run directory alone: no data, no weights file and no config file are needed."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from flowers_jax.data.dataset import Skipped
from flowers_jax.data.decode import DecodeError, decode_for, read_photograph
from flowers_jax.errors import UsageError, first_line
from flowers_jax.evaluation.predict import make_predictor
from flowers_jax.metrics import probabilities
from flowers_jax.models import find
from flowers_jax.models.initial import shapes
from flowers_jax.models.registry import ModelSpec
from flowers_jax.outside import is_outside
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.run.model_json import check_code, fields_of, preprocessing_of
from flowers_jax.runtime import parallel
from flowers_jax.runtime.precision import dtype_of
from flowers_jax.types import HostLogits


@dataclass(frozen=True)
class TrainedModel:
    """The best model of a run, ready to predict.

    Attributes:
        predict: uint8 [B, size, size, 3] -> float32 logits [B, classes]; B is always `batch_size`.
        precision: of the activations, `float32` or `bfloat16`.
        temperature: the divisor of the logits before softmax; 1 until the run is finished.
    """

    run: RunDirectory
    predict: Callable[[np.ndarray], HostLogits]
    batch_size: int
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    max_pixels: int
    precision: str
    temperature: float


def load(run_path: str, precision: str = "auto", code: str = "") -> TrainedModel:
    """The best model of a run directory, on all local devices. Nothing in the directory is executed.

    Args:
        precision: one of `PRECISIONS`, independent of the training; a module without a `dtype` stays in float32.
        code: `MODULE:SPEC` or `FILE.py:SPEC` of a model outside the package; this code is executed.

    Raises:
        UsageError: it is no run directory, no finished epoch is saved, or the code of the model is not given.
    """
    run = RunDirectory.existing(run_path)
    description, config, checkpoints = run.read_model(), run.read_config(), Checkpoints(run.path)
    latest, number = checkpoints.usable() or (0, 0)
    if not number:
        raise UsageError(f"--run={run_path}: no finished epoch is saved yet, so there is no model")
    devices, dtype, spec = jax.local_devices(), dtype_of(precision), _spec(run, description, code)
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
            return load(run_path, precision, code)
        raise
    return TrainedModel(
        run=run,
        predict=partial(make_predictor(module, preprocessing, devices, flip=description.get("flip", False)), variables),
        batch_size=parallel.round_up(config.batch_size, len(devices)),
        classes=tuple(description["classes"]),
        preprocessing=preprocessing,
        max_pixels=config.data.max_pixels,
        precision=dtype.name if "dtype" in fields else "float32",
        temperature=_temperature(run, checkpoints.progress(latest), number),
    )


def _spec(run: RunDirectory, description: Mapping[str, Any], code: str) -> ModelSpec:
    """The model of a run: by its name in the package, or from the code that the caller names."""
    name = description.get("name")
    if not isinstance(name, str):
        raise UsageError(f"{run.path / 'model.json'}: not a model of this version (its name is {name!r})")
    if not is_outside(name):
        if code:
            raise UsageError(f"--code={code}: {name} of --run={run.path} is the package's own; leave --code out")
        try:
            return find(name)
        except UsageError as error:
            raise UsageError(f"{run.path / 'model.json'}: not a model of this version ({first_line(error)})") from error
    if not code:
        raise UsageError(
            f"--run={run.path}: its model is code outside the package, which never runs without permission: give "
            f"--code={name}"
        )
    spec = find(code)
    check_code(code, description, str(run.path / "model.json"))
    return spec


def _temperature(run: RunDirectory, progress: Mapping[str, Any], number: int) -> float:
    """The temperature of the model of checkpoint `number`; 1 if none is fitted yet, or to another, lost model."""
    summary = run.read_summary()
    kept = (progress["model_checkpoint"], progress["model_epoch"])
    return summary["temperature"] if summary and kept == (number, summary["model_epoch"]) else 1.0


def predict_files(model: TrainedModel, paths: Sequence[str]) -> Iterator[tuple[str, np.ndarray | Skipped]]:
    """(path, probabilities [classes]) of each file in order, or the reason why it is not readable.

    Threads decode one batch of photographs at a time.
    """
    size = model.preprocessing.size
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), model.batch_size):
            chunk = paths[start : start + model.batch_size]
            decoded = list(pool.map(partial(_read, model), chunk))
            images = [image for image in decoded if not isinstance(image, Skipped)]
            rows: Iterator[np.ndarray] = iter(())
            if images:
                filled = np.resize(np.stack(images), (model.batch_size, size, size, 3))
                rows = iter(probabilities(model.predict(filled), model.temperature))
            for path, image in zip(chunk, decoded, strict=True):
                yield path, image if isinstance(image, Skipped) else next(rows)


def _read(model: TrainedModel, path: str) -> np.ndarray | Skipped:
    try:
        data = read_photograph(Path(path), model.max_pixels)
        return decode_for(data, model.preprocessing, model.max_pixels)
    except FileNotFoundError:
        return Skipped(path, "no such file")
    except (DecodeError, OSError) as error:
        return Skipped(path, getattr(error, "strerror", None) or str(error))
