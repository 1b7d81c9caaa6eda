"""The phases of a run: which parameters train, at which rate, and on which data."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import optax

from flowers_jax.config_types import Config
from flowers_jax.models.groups import Groups, frozen_paths, is_head, layers_above
from flowers_jax.models.registry import ModelSpec
from flowers_jax.optimizers import Multiplier, Optimizer, find, given, make_optimizer
from flowers_jax.schedules import Schedule, constant, make_schedule
from flowers_jax.training.state import Progress


@dataclass(frozen=True)
class Phase:
    """Epochs with one set of trainable parameters and one optimizer.

    Attributes:
        name: `head` if the backbone is frozen, `finetune` from pretrained weights, `train` from scratch.
        frozen: paths below `params` that do not train.
        on_features: trains on precomputed features, `config.transfer.views` of each photograph.
        module: the module in `train_step`; the head alone if its input is features.
        batch_norm: `batch` or `stored` statistics in training.
        rate: from a step of the phase, from 0, to the largest rate of a layer as a multiple of the plateau's.
        steps_per_epoch: the number of steps in an epoch.
        eval_params: from the optimizer's state and the trainable parameters to those that predict; None: these.
    """

    name: str
    epochs: int
    frozen: tuple[str, ...]
    learning_rate: float
    on_features: bool
    module: Any
    batch_norm: str
    optimizer: optax.GradientTransformation
    rate: Callable[[int], float]
    steps_per_epoch: int
    eval_params: Callable[[Any, Any], Any] | None = None

    def learning_rate_of(self, progress: Progress) -> float:
        """The rate that is shown: the largest one of a layer at the last step of the current epoch of `progress`."""
        return progress.plateau.lr * self.rate((progress.phase_epoch + 1) * self.steps_per_epoch - 1)


def make_phases(
    config: Config,
    spec: ModelSpec,
    module: nn.Module,
    size: int,
    steps_per_epoch: int,
    optimizer: Optimizer | optax.GradientTransformation | None = None,
) -> tuple[Phase, ...]:
    """One phase, or first the head alone and then everything that `config.model.freeze` does not freeze.

    Args:
        size: height and width of the model's input in pixels.
        optimizer: an object of Python in place of the name `config.optimizer.name`. The rates of a bare transformation
            are its own, and the learning rate of the phases is a factor of its updates, which begins at 1.
    """
    phase = partial(_phase, config, spec, module, size, steps_per_epoch, optimizer or find(config.optimizer.name))
    schedule = make_schedule(config, steps_per_epoch)
    name = "finetune" if spec.importer(config.model.weights) else "train"
    if config.model.freeze == "backbone":
        name = "head"
    main = phase(name, config.epochs, config.model.freeze, config.learning_rate, schedule)
    if not config.transfer.epochs or name == "head":
        return (main,)
    return phase("head", config.transfer.epochs, "backbone", config.transfer.learning_rate, constant), main


def _phase(
    config: Config,
    spec: ModelSpec,
    module: nn.Module,
    size: int,
    steps_per_epoch: int,
    optimizer: Optimizer | optax.GradientTransformation,
    name: str,
    epochs: int,
    freeze: str,
    learning_rate: float,
    schedule: Schedule,
) -> Phase:
    multiplier: Multiplier | None = partial(
        rate_of, groups=spec.groups, head=config.optimizer.head_multiplier, decay=config.optimizer.layer_decay
    )
    fastest = 1.0 if name == "head" else max(config.optimizer.head_multiplier, config.optimizer.layer_decay)
    if name == "head":  # a head that trains alone uses the rate of the phase
        multiplier = None
    named = optimizer if isinstance(optimizer, Optimizer) else None
    learning_rate = learning_rate if named else 1.0
    split = spec.features if name == "head" and config.transfer.views else None
    batch_norm = config.model.batch_norm
    if batch_norm == "auto":
        batch_norm = "stored" if spec.importer(config.model.weights) else "batch"
    return Phase(
        name, epochs, frozen_paths(spec.groups, freeze), learning_rate, on_features=split is not None,
        module=split.head(module, size) if split else module,
        batch_norm=batch_norm, optimizer=_transformation(config, optimizer, learning_rate, schedule, multiplier),
        rate=lambda step: fastest * float(schedule(step)), steps_per_epoch=steps_per_epoch,
        eval_params=named.eval_params if named else None,
    )  # fmt: skip


def _transformation(
    config: Config,
    optimizer: Optimizer | optax.GradientTransformation,
    learning_rate: float,
    schedule: Schedule,
    multiplier: Multiplier | None,
) -> optax.GradientTransformation:
    own = config.optimizer
    if not isinstance(optimizer, Optimizer):
        return given(optimizer, schedule, multiplier, clip_norm=own.clip_norm)
    return make_optimizer(
        optimizer, learning_rate, schedule, multiplier,
        weight_decay=own.weight_decay, clip_norm=own.clip_norm, options=own.options,
    )  # fmt: skip


def rate_of(path: str, groups: Groups, head: float, decay: float) -> float:
    """The factor of a parameter's rate: `head` in the head, else `decay` to the power of its distance to the head."""
    return head if is_head(groups, path) else decay ** layers_above(groups, path)
