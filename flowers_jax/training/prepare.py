"""Everything between a config and the first step. Nothing is written here, so a mistake leaves no trace."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from flowers_jax import base_config, models, parallel
from flowers_jax.data import sources, split
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.pipeline import decode_split
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import trained
from flowers_jax.models import pretrained
from flowers_jax.models.preprocessing import Preprocessing, channel_statistics
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.optim import make_optimizer
from flowers_jax.training.schedule import Schedule, make_schedule
from flowers_jax.training.state import Progress, TrainState, Tree
from flowers_jax.training.step import named_key, split_params
from flowers_jax.types import Config, Devices


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
        state: on the devices; the initial one, or that of the latest checkpoint.
        progress: None for a new run.
        description: what `model.json` is to say.
    """

    run: RunDirectory
    devices: Devices
    dataset: Dataset
    module: nn.Module
    preprocessing: Preprocessing
    frozen: frozenset[str]
    optimizer: optax.GradientTransformation
    schedule: Schedule
    state: TrainState
    progress: Progress | None
    weights: Weights
    description: dict[str, Any]


def prepare(config: Config, run: RunDirectory, begun: bool) -> Job:
    """Check all that can be wrong before work starts, and load what the run needs.

    Args:
        begun: whether `run` is there already, as `run.check(config)` found.

    Raises:
        UsageError: a mistake of the caller's, in one line.
    """
    devices = parallel.choose_devices(config.devices, config.batch_size)
    check_model(config)
    checkpoints = Checkpoints(run.path)
    latest = checkpoints.latest() if begun else None
    dataset = _dataset(config, run, begun)
    fields = module_fields(config) if latest is None else trained.fields_of(run.read_model())
    module = models.create(config.model.name, len(dataset.classes), **fields | {"axis_name": parallel.AXIS})
    preprocessing = _preprocessing(config, dataset, run.read_model() if latest else None)
    variables = init_variables(module, preprocessing, config.seed)
    weights = Weights("none", "", "random initial weights")
    if latest is None and config.model.name == "mobilenet_v2" and config.model.weights != "none":
        file = pretrained.locate(config.model.weights, config.model.alpha)
        variables = pretrained.load_backbone(file, variables)
        weights = Weights(file.path.name, file.sha256, file.reason)
    frozen = frozen_parts(config)
    schedule = make_schedule(config, steps_per_epoch(config, dataset))
    optimizer = make_optimizer(config.learning_rate, schedule)
    state = parallel.replicate(initial_state(variables, optimizer, frozen), devices)
    progress = None
    description = trained.describe(config.model.name, dataset.classes, fields, preprocessing)
    description |= {"weights": vars(weights), "dataset": {"name": dataset.name, "reason": dataset.reason}}
    if latest is not None:
        progress = Progress.from_json(checkpoints.progress(latest))
        state = restore(checkpoints, latest, state)
        description = run.read_model()
        weights = Weights(**description["weights"])
    return Job(
        run, devices, dataset, module, preprocessing, frozen, optimizer, schedule, state, progress, weights, description
    )


def steps_per_epoch(config: Config, dataset: Dataset) -> int:
    """Batches, the last of which may be filled up."""
    return -(-sum(example.split == "train" for example in dataset.examples) // config.batch_size)


def restore(checkpoints: Checkpoints, number: int, like: TrainState) -> TrainState:
    """The whole state of a checkpoint, placed as `like` is."""
    model = checkpoints.model(number, {"params": like.params, "batch_stats": like.batch_stats})
    rest = checkpoints.optimizer(number, {"step": like.step, "opt_state": like.opt_state})
    return TrainState(rest["step"], model["params"], model["batch_stats"], rest["opt_state"])


def check_model(config: Config) -> None:
    """What the model does not have, it cannot be asked for."""
    name, size, weights = config.model.name, config.data.image_size, config.model.weights
    if name == "mobilenet_v2":
        if weights not in ("auto", "none"):
            pretrained.named_file(weights)  # before the data, which may take a while
        if size < 32:
            raise UsageError(f"--config.data.image_size={size}: mobilenet_v2 needs at least 32")
    elif config.model.freeze != "none":
        raise UsageError(
            f"--config.model.freeze={config.model.freeze}: {name} has no backbone; give --config.model.freeze=none"
        )
    elif weights not in ("auto", "none"):
        raise UsageError(f"--config.model.weights={weights}: {name} has no pretrained weights; give none")


def _dataset(config: Config, run: RunDirectory, begun: bool) -> Dataset:
    """The examples with their splits; `splits.csv` and what `auto` came to govern a run that has begun."""
    if begun and (run.path / "splits.csv").is_file():
        description = run.read_model()
        chosen = description["dataset"]
        dataset = run.apply_splits(sources.load(config, chosen["name"]), description["classes"])
        return replace(dataset, reason=chosen["reason"])
    dataset = sources.load(config)
    examples = split.assign(dataset.examples, _fractions(config, dataset), config.seed)
    return replace(dataset, examples=tuple(examples))


def _preprocessing(config: Config, dataset: Dataset, description: Mapping[str, Any] | None) -> Preprocessing:
    """What `config.data.normalize` asks for; a run that goes on has it in its description."""
    if description:
        return trained.preprocessing_of(description)
    wanted = models.preprocessing(config.model.name, config.data.image_size)
    if config.data.normalize == "auto":
        return wanted
    wanted = replace(
        wanted, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), samplewise=config.data.normalize == "samplewise"
    )
    if config.data.normalize == "featurewise":
        data = config.data
        photographs = decode_split(dataset, "train", wanted, max_pixels=data.max_pixels, workers=data.workers).images
        mean, std = channel_statistics(photographs)
        wanted = replace(wanted, mean=mean, std=std)
    return wanted


def _fractions(config: Config, dataset: Dataset) -> tuple[float, ...]:
    """A source's own split stands where the user has not asked for another."""
    default = base_config.get_config().data.split
    return dataset.fractions if dataset.fractions and config.data.split == default else config.data.split


def module_fields(config: Config) -> dict[str, Any]:
    """The fields of the module that the config asks for, as `model.json` keeps them."""
    bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and jax.default_backend() != "cpu")
    dtype = jnp.bfloat16 if bfloat16 else jnp.float32
    fields: dict[str, Any] = {"dtype": dtype, "convolution": config.model.convolution}
    if config.model.name == "mobilenet_v2":
        fields |= {"alpha": config.model.alpha, "head": config.model.head, "freeze": config.model.freeze,
                   "convention": pretrained.TORCHVISION_V1.convention}  # fmt: skip
    return fields


def frozen_parts(config: Config) -> frozenset[str]:
    """The top-level names of the parameters that do not train."""
    return frozenset({"backbone"}) if config.model.freeze == "backbone" else frozenset()


def init_variables(module: nn.Module, preprocessing: Preprocessing, seed: int) -> dict[str, Any]:
    """The initial variables, as host arrays."""
    blank = jnp.zeros((1, preprocessing.size, preprocessing.size, 3))
    return jax.device_get(dict(jax.jit(module.init)(named_key(seed, "init"), blank)))


def initial_state(variables: Tree, optimizer: optax.GradientTransformation, frozen: frozenset[str]) -> TrainState:
    trainable, _ = split_params(variables["params"], frozen)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=variables["params"],
        batch_stats=variables.get("batch_stats", {}),
        opt_state=optimizer.init(trainable),
    )
