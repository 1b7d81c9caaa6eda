"""The phases of a run: which parameters train, how fast, and on what."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import optax

from flowers_jax.models.mobilenet_v2.layout import frozen_parts, layers_above
from flowers_jax.training.optimizer import make_optimizer
from flowers_jax.training.schedule import Schedule, constant, make_schedule
from flowers_jax.training.state import Progress
from flowers_jax.types import Config


@dataclass(frozen=True)
class Phase:
    """Epochs with one set of trainable parameters and one optimizer.

    Attributes:
        name: `head` while the backbone is frozen, `finetune` of pretrained weights, `train` from scratch.
        frozen: paths below `params` that do not train.
        on_features: trains on features that were computed before, `config.transfer.views` of each photograph.
        rate: from a step of the phase, from 0, to the largest rate of a layer as a multiple of the plateau's.
        steps_per_epoch: how many of them an epoch has.
    """

    name: str
    epochs: int
    frozen: tuple[str, ...]
    learning_rate: float
    on_features: bool
    module: nn.Module
    optimizer: optax.GradientTransformation
    rate: Callable[[int], float]
    steps_per_epoch: int

    def learning_rate_of(self, progress: Progress) -> float:
        """The largest rate of a layer at the last step of the epoch that `progress` is in: the one that is shown."""
        return progress.plateau.lr * self.rate((progress.phase_epoch + 1) * self.steps_per_epoch - 1)


def make_phases(config: Config, module: nn.Module, steps_per_epoch: int) -> tuple[Phase, ...]:
    """One phase, or the head alone and then what `config.model.freeze` leaves."""
    freeze = config.model.freeze
    schedule = make_schedule(config, steps_per_epoch)
    name = "finetune" if config.model.name == "mobilenet_v2" and config.model.weights != "none" else "train"
    if freeze == "backbone":
        name = "head"
    main = _phase(config, name, config.epochs, freeze, module, config.learning_rate, schedule, steps_per_epoch)
    if not config.transfer.epochs or name == "head":
        return (main,)
    epochs, learning_rate = config.transfer.epochs, config.transfer.learning_rate
    return (_phase(config, "head", epochs, "backbone", module, learning_rate, constant, steps_per_epoch), main)


def _phase(
    config: Config,
    name: str,
    epochs: int,
    freeze: str,
    module: Any,
    learning_rate: float,
    schedule: Schedule,
    steps_per_epoch: int,
) -> Phase:
    if config.model.name == "mobilenet_v2":
        module = module.clone(freeze=freeze)
    multiplier = partial(rate_of, head=config.optimizer.head_multiplier, decay=config.optimizer.layer_decay)
    fastest = 1.0 if name == "head" else max(config.optimizer.head_multiplier, config.optimizer.layer_decay)
    optimizer = make_optimizer(
        learning_rate,
        schedule,
        multiplier if name != "head" else None,  # the head alone has the phase's rate
        config.optimizer.weight_decay,
    )
    return Phase(
        name, epochs, frozen_parts(freeze), learning_rate, module=module, optimizer=optimizer,
        on_features=name == "head" and config.transfer.views > 0, rate=lambda step: fastest * float(schedule(step)),
        steps_per_epoch=steps_per_epoch,
    )  # fmt: skip


def rate_of(path: str, head: float, decay: float) -> float:
    """What multiplies the rate of a parameter: `head` in the head, else `decay` for each layer that is nearer to it."""
    return head if path.startswith("head") else decay ** layers_above(path)
