"""Prepares a run, from the config to the first step. Nothing is written here, so a mistake leaves no trace."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flax.linen as nn

from flowers_jax import augment, losses, models
from flowers_jax.augment import Augment
from flowers_jax.config_types import Config
from flowers_jax.data import memory
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.losses import LossFunction, bound
from flowers_jax.metrics import Metric, monitored
from flowers_jax.models.initial import initial_variables
from flowers_jax.models.registry import ModelSpec
from flowers_jax.models.weights import pretrained
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.run import model_json
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import parallel
from flowers_jax.runtime.precision import dtype_of
from flowers_jax.training import callbacks, photographs
from flowers_jax.training.checks import check_model, check_norms, check_optimizer, check_parameters
from flowers_jax.training.given import Given
from flowers_jax.training.phases import Phase, make_phases
from flowers_jax.training.state import Progress, Tree
from flowers_jax.training.step import named_key
from flowers_jax.training.unread import check_unread
from flowers_jax.training.watch import Watch
from flowers_jax.types import Devices

ROOM = "a smaller one, or --config.data.cache=auto, which keeps them in a file then"
NO_WEIGHTS = pretrained.WeightsFile(Path(), "", "random initial weights")


@dataclass(frozen=True)
class Weights:
    """The initial weights of the run, for the banner and `summary.json`."""

    name: str
    sha256: str
    reason: str


@dataclass(frozen=True)
class Job:
    """A run that is ready to start or to resume.

    Attributes:
        config: of the run; its `data.cache` is `memory`, `disk` or `device`.
        dataset: its examples have their splits.
        spec: the specification of the model.
        variables: the initial variables, on the host.
        checkpoint: number of the checkpoint to resume from; 0 for none.
        progress: of that checkpoint; None for a new run.
        description: the content of `model.json`.
        decoded_size: bytes of the decoded photographs that are used at the same time.
        class_weights: the factor of the loss of each class in training; () for none.
        columns: the metrics of `metrics.csv` beside those of every run.
    """

    config: Config
    run: RunDirectory
    devices: Devices
    dataset: Dataset
    spec: ModelSpec
    module: nn.Module
    preprocessing: Preprocessing
    steps_per_epoch: int
    phases: tuple[Phase, ...]
    variables: Tree
    checkpoints: Checkpoints
    checkpoint: int
    progress: Progress | None
    weights: Weights
    description: dict[str, Any]
    decoded_size: int
    augment: Augment
    loss: LossFunction
    class_weights: tuple[float, ...]
    columns: dict[str, Metric]
    callbacks: tuple[Any, ...]

    def watch(self, config: Config) -> Watch:
        """The monitors of the run."""
        return Watch.from_config(config, self.columns, cuts=not any(phase.eval_params for phase in self.phases))


def prepare(
    config: Config,
    run: RunDirectory,
    begun: bool,
    given: Given = Given(),  # noqa: B008 (it is frozen)
    show: Callable[[Config, RunDirectory, Dataset, Devices], None] | None = None,
) -> Job:
    """Check everything that can be wrong before work starts, and load what the run needs.

    Args:
        begun: whether `run` exists already: the result of `run.check(config)`.
        given: objects of Python that the config only names.
        show: is called with the photographs as soon as they are known; the model takes longer.

    Raises:
        UsageError: a mistake of the caller, in one line.
    """
    devices = parallel.choose_devices(config.devices, config.batch_size, config.accumulate)
    spec = models.find(config.model.name)
    columns = monitored(config, given.metrics)
    check_model(config)
    check_optimizer(config, given.optimizer)
    if not begun:  # a started run may resume, because keys that nothing reads change nothing
        check_unread(config)
    checkpoints = Checkpoints(run.path)
    usable = checkpoints.usable() if begun else None
    if begun and checkpoints.lost():
        raise UsageError(
            f"{checkpoints.folder}: every checkpoint is damaged; restore a copy of one, or remove that folder to "
            "start over with the same photographs"
        )
    dataset = photographs.load_dataset(config, run, begun, given.data)
    if show:
        show(config, run, dataset, devices)
    pretrained_weights = None if usable else _weights(config, spec)
    fields = model_json.fields_of(run.read_model()) if usable else module_fields(config, spec, pretrained_weights)
    module = spec.replica(len(dataset.classes), parallel.AXIS, fields)
    steps_per_epoch = photographs.steps_per_epoch(config, dataset)
    preprocessing = _preprocessing(config, spec, pretrained_weights, run.read_model() if usable else None)
    phases = make_phases(config, spec, module, preprocessing.size, steps_per_epoch, given.optimizer)
    decoded_size = photographs.decoded_size(config, dataset, preprocessing, phases)
    place = memory.place(
        config.data.cache, decoded_size, parallel.spare_memory(devices), shared=parallel.is_shared(devices)
    )
    config = replace(config, data=replace(config.data, cache=place))
    if place == "device" and not parallel.may_hold_data(devices):
        raise UsageError("--config.data.cache=device: is for one process without --distributed; give memory or disk")
    if place != "disk":
        memory.check(decoded_size, f"--config.data.image_size={config.data.image_size}", ROOM)
    if not usable:
        preprocessing = photographs.measured(config, dataset, preprocessing)
    check_norms(config.model.name, phases, module, preprocessing.size, len(devices))
    variables = initial_variables(module, preprocessing.size, named_key(config.seed, "init"), pretrained_weights)
    loss = bound(config, given.loss)
    losses.check(loss, config.loss.name, len(dataset.classes))
    if not begun:
        check_parameters(config, spec, module, phases, variables, preprocessing.size)
    if usable:
        description = run.read_model()
        _check_code(config, description, str(run.path / "model.json"))
    else:
        description = _describe(config, dataset, len(devices), fields, preprocessing, pretrained_weights)
    job = Job(
        config, run, devices, dataset, spec, module, preprocessing, steps_per_epoch, phases, variables, checkpoints,
        usable[0] if usable else 0, None, Weights(**description["weights"]), description, decoded_size,
        augment.from_config(config, given.augment), loss,
        photographs.class_weights(config, dataset), columns, given.callbacks,
    )  # fmt: skip
    return replace(job, progress=_progress(config, job, *usable)) if usable else job


def _describe(
    config: Config,
    dataset: Dataset,
    devices: int,
    fields: dict[str, Any],
    preprocessing: Preprocessing,
    weights: pretrained.Weights | None,
) -> dict[str, Any]:
    """`model.json` of a new run."""
    file = weights.file if weights else NO_WEIGHTS
    parts = (config.loss.name, *config.metrics)
    return model_json.describe(config.model.name, dataset.classes, fields, preprocessing, parts) | {
        "weights": {"name": file.path.name or "none", "sha256": file.sha256, "reason": file.reason},
        "dataset": photographs.describe(dataset),
        "flip": config.evaluation.flip,
        "devices": devices,
    }


def _check_code(config: Config, description: Mapping[str, Any], said_by: str) -> None:
    """Warn if the code outside the package has changed that a run began with."""
    recorded = {config.model.name: description.get("code_sha256")} | description.get("parts_sha256", {})
    for name in (config.model.name, config.loss.name, *config.metrics):
        model_json.check_code(name, recorded.get(name), said_by)


def _progress(config: Config, job: Job, number: int, model: int) -> Progress:
    """The progress of checkpoint `number`; the run's model is now that of checkpoint `model`."""
    checkpoints = job.checkpoints
    progress = Progress.from_json(checkpoints.progress(number))
    callbacks.restore(job.callbacks, progress.callbacks)
    if not progress.device_counts:  # an older version wrote it, and stored only the devices of the first start
        progress = progress.on_devices(job.description["devices"])
    if progress.model_checkpoint == model:
        return progress
    lost = checkpoints.folder / str(progress.model_checkpoint)
    progress = job.watch(config).without_best(progress, number)
    now = f"that of epoch {progress.epoch} takes its place" if progress.model_checkpoint else "the next takes its place"
    warnings.warn(f"{lost} held the best epoch's model and is lost: {now}", DamageWarning, stacklevel=2)
    return progress


def _weights(config: Config, spec: ModelSpec) -> pretrained.Weights | None:
    importer, weights = spec.importer(config.model.weights), config.model.weights
    return pretrained.open_weights(importer, weights, dict(config.model.options)) if importer else None


def _preprocessing(
    config: Config, spec: ModelSpec, weights: pretrained.Weights | None, description: Mapping[str, Any] | None
) -> Preprocessing:
    """The preprocessing of `config.data` before any photograph is measured; a resumed run keeps its own."""
    if description:
        return model_json.preprocessing_of(description)
    size, crop = config.data.image_size, config.data.crop
    wanted = (weights.preprocessing if weights else spec.preprocessing).at(size, crop)
    augment.stored(wanted, augment.from_config(config))  # raises if the stored photographs would be too large
    return wanted.normalized(config.data.normalize)


def module_fields(config: Config, spec: ModelSpec, weights: pretrained.Weights | None = None) -> dict[str, Any]:
    """The fields of the module from the config and the weights, as in `model.json`.

    `dtype`, `convolution` and `dropout` are included if the module has them.
    """
    given = {
        "dtype": dtype_of(config.precision), "convolution": config.model.convolution, "dropout": config.model.dropout,
    }  # fmt: skip
    fields = {name: value for name, value in given.items() if spec.takes(name)}
    return fields | dict(config.model.options) | (weights.fields if weights else {})
