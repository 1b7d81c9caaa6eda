"""Everything between a config and the first step. Nothing is written here, so a mistake leaves no trace."""

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flax.linen as nn

from flowers_jax import augment, base_config, models
from flowers_jax.data import memory, sources, split
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.loader import SplitArrays, decode_split
from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.models.initial import initial_variables
from flowers_jax.models.weights import pretrained
from flowers_jax.preprocessing import Preprocessing, channel_statistics
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import parallel
from flowers_jax.runtime.precision import dtype_of
from flowers_jax.training.checks import check_head, check_model, check_norms
from flowers_jax.training.phases import Phase, make_phases
from flowers_jax.training.state import Progress, Tree
from flowers_jax.training.step import named_key
from flowers_jax.training.unread import check_unread, only_defaults
from flowers_jax.training.watch import Watch
from flowers_jax.types import Config, Devices

ROOM = "a smaller one, or --config.data.cache=disk, which keeps them in a file"
NO_WEIGHTS = pretrained.WeightsFile(Path(), "", "random initial weights")


@dataclass(frozen=True)
class Weights:
    """What the run started from, for the banner and `summary.json`."""

    name: str
    sha256: str
    reason: str


@dataclass(frozen=True)
class Job:
    """A run that is ready to start or to go on.

    Attributes:
        dataset: its examples have their splits.
        variables: the initial ones, on the host.
        checkpoint: number of the one to go on from; 0 for none.
        progress: of that checkpoint; None for a new run.
        description: what `model.json` is to say.
        decoded_size: bytes of decoded photographs that are in memory at once.
    """

    run: RunDirectory
    devices: Devices
    dataset: Dataset
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


def prepare(config: Config, run: RunDirectory, begun: bool) -> Job:
    """Check all that can be wrong before work starts, and load what the run needs.

    Args:
        begun: whether `run` is there already, as `run.check(config)` found.

    Raises:
        UsageError: a mistake of the caller's, in one line.
    """
    devices = parallel.choose_devices(config.devices, config.batch_size)
    check_model(config)
    if not begun:  # one that has begun may go on, for what nothing reads changes nothing
        check_unread(config)
    checkpoints = Checkpoints(run.path)
    usable = checkpoints.usable() if begun else None
    if begun and checkpoints.lost():
        raise UsageError(
            f"{checkpoints.folder}: every checkpoint is damaged; bring back a copy of one, or remove that folder to "
            "start over with the same photographs"
        )
    dataset = _dataset(config, run, begun)
    pretrained_weights = None if usable else _weights(config)
    fields = trained_model.fields_of(run.read_model()) if usable else module_fields(config, pretrained_weights)
    module = models.create(config.model.name, len(dataset.classes), **fields | {"axis_name": parallel.AXIS})
    steps_per_epoch = _steps_per_epoch(config, dataset)
    phases = make_phases(config, module, steps_per_epoch)
    preprocessing = _preprocessing(config, pretrained_weights, run.read_model() if usable else None)
    decoded_size = _decoded_size(config, dataset, preprocessing, phases)
    memory.check(decoded_size, f"--config.data.image_size={config.data.image_size}", ROOM)
    if not usable:
        preprocessing = _measured(config, dataset, preprocessing)
    check_norms(config.model.name, module, preprocessing.size, len(devices))
    variables = initial_variables(module, preprocessing.size, named_key(config.seed, "init"), pretrained_weights)
    if not begun:
        check_head(config, variables["params"])
    if usable:
        description = run.read_model()
    else:
        description = _describe(config, dataset, len(devices), fields, preprocessing, pretrained_weights)
    return Job(
        run, devices, dataset, module, preprocessing, steps_per_epoch, phases, variables, checkpoints,
        usable[0] if usable else 0, _progress(config, checkpoints, description, *usable) if usable else None,
        Weights(**description["weights"]), description, decoded_size,
    )  # fmt: skip


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
    return trained_model.describe(config.model.name, dataset.classes, fields, preprocessing) | {
        "weights": {"name": file.path.name or "none", "sha256": file.sha256, "reason": file.reason},
        "dataset": {"name": dataset.name, "reason": dataset.reason},
        "flip": config.evaluation.flip,
        "devices": devices,
    }


def _progress(
    config: Config, checkpoints: Checkpoints, description: Mapping[str, Any], number: int, model: int
) -> Progress:
    """Where checkpoint `number` left the run, whose model is now that of checkpoint `model`."""
    progress = Progress.from_json(checkpoints.progress(number))
    if not progress.device_counts:  # an older version wrote it, which knew the first start's alone
        progress = progress.on_devices(description["devices"])
    if progress.model_checkpoint == model:
        return progress
    lost = checkpoints.folder / str(progress.model_checkpoint)
    progress = Watch.from_config(config).without_best(progress, number)
    now = f"that of epoch {progress.epoch} takes its place" if progress.model_checkpoint else "the next takes its place"
    warnings.warn(f"{lost} held the best epoch's model and is lost: {now}", DamageWarning, stacklevel=2)
    return progress


def _weights(config: Config) -> pretrained.Weights | None:
    if config.model.name != "mobilenet_v2" or config.model.weights == "none":
        return None
    return pretrained.open_weights(config.model.weights, config.model.alpha)


def _steps_per_epoch(config: Config, dataset: Dataset) -> int:
    """Batches, the last of which may be filled up."""
    return -(-sum(example.split == "train" for example in dataset.examples) // config.batch_size)


def _dataset(config: Config, run: RunDirectory, begun: bool) -> Dataset:
    """The examples with their splits; `splits.csv` and what `auto` came to govern a run that has begun."""
    if begun:
        description = run.read_model()
        chosen = description["dataset"]
        dataset = run.apply_splits(sources.load(config, chosen["name"]), description["classes"])
        return replace(dataset, reason=chosen["reason"])
    dataset = sources.load(config)
    if any(example.split == "validation" for example in dataset.examples):
        only_defaults(
            config, ("data.split", "data.seed"), "changes nothing of a folder with a validation part of its own"
        )
    fractions, folds, fold = _fractions(config, dataset), config.data.folds, config.data.fold
    seed = config.seed if config.data.seed < 0 else config.data.seed
    if folds:
        examples = split.assign_fold(dataset.examples, folds, fold, fractions, seed)
    else:
        examples = split.assign(dataset.examples, fractions, seed)
    return replace(dataset, examples=tuple(examples))


def _preprocessing(
    config: Config, weights: pretrained.Weights | None, description: Mapping[str, Any] | None
) -> Preprocessing:
    """What `config.data` asks for before any photograph is measured; a run that goes on has it in its description."""
    if description:
        return trained_model.preprocessing_of(description)
    size, crop = config.data.image_size, config.data.crop
    wanted = (weights.preprocessing if weights else models.preprocessing(config.model.name, size)).at(size, crop)
    augment.stored(wanted, augment.from_config(config))  # raises where that is too large to keep
    return wanted.normalized(config.data.normalize)


def _measured(config: Config, dataset: Dataset, preprocessing: Preprocessing) -> Preprocessing:
    """With mean and standard deviation of the training part, where `config.data.normalize` is `featurewise`."""
    if config.data.normalize != "featurewise":
        return preprocessing
    mean, std = channel_statistics(split_arrays(config, dataset, "train", preprocessing).images)
    return replace(preprocessing, mean=mean, std=std)


def _decoded_size(config: Config, dataset: Dataset, preprocessing: Preprocessing, phases: tuple[Phase, ...]) -> int:
    """Bytes of decoded photographs in memory at once: of all parts, or of the largest where all phases see features."""
    if config.data.cache == "disk":
        return 0
    counts = Counter(example.split for example in dataset.examples)
    side = dict.fromkeys(split.SPLITS, preprocessing.size)
    features_only = all(phase.on_features for phase in phases)
    if not features_only or config.transfer.views > 1:  # with the margins that random crops are taken from
        side["train"] = augment.stored(preprocessing, augment.from_config(config)).size
    sizes = [memory.decoded_size(counts[part], side[part]) for part in split.SPLITS]
    return max(sizes) if features_only else sum(sizes)


def split_arrays(config: Config, dataset: Dataset, split: str, preprocessing: Preprocessing) -> SplitArrays:
    """`decode_split` as `config.data` says."""
    data = config.data
    return decode_split(
        dataset, split, preprocessing, max_pixels=data.max_pixels, cache=data.cache, workers=data.workers
    )  # fmt: skip


def _fractions(config: Config, dataset: Dataset) -> tuple[float, ...]:
    """A source's own split stands where the user has not asked for another."""
    default = base_config.get_config().data.split
    return dataset.fractions if dataset.fractions and config.data.split == default else config.data.split


def module_fields(config: Config, weights: pretrained.Weights | None = None) -> dict[str, Any]:
    """The fields of the module that the config and its weights ask for, as `model.json` keeps them."""
    fields: dict[str, Any] = {"dtype": dtype_of(config.precision), "convolution": config.model.convolution}
    if config.model.name == "mobilenet_v2":
        from_scratch = config.model.weights == "none"
        auto = "batch" if from_scratch else "stored"
        fields |= {
            "alpha": config.model.alpha, "head": config.model.head, "freeze": config.model.freeze,
            "batch_norm": auto if config.model.batch_norm == "auto" else config.model.batch_norm,
            "dropout": config.model.dropout, "stochastic_depth": config.model.stochastic_depth,
            "output_stride": config.model.output_stride,
        }  # fmt: skip
        if weights:
            fields["convention"] = weights.convention
    return fields
