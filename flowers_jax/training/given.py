"""What the caller of `fit` gives as objects of Python, in place of names in the config."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optax

from flowers_jax import config as config_lib
from flowers_jax.augment import Augmentation
from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError
from flowers_jax.losses import Loss
from flowers_jax.metrics import METRICS, Metric
from flowers_jax.optimizers import Optimizer
from flowers_jax.registry import GIVEN


@dataclass(frozen=True)
class Given:
    """The objects; None and () where the config's names count.

    Attributes:
        names: the keys of the config that name these objects, for `config.json`.
    """

    data: Dataset | None = None
    optimizer: Optimizer | optax.GradientTransformation | None = None
    loss: Loss | None = None
    augmentation: Augmentation | None = None
    metrics: tuple[Metric, ...] = ()
    callbacks: tuple[Any, ...] = ()

    def name_in(self, config: Config) -> Config:
        """The config that names what is given, so that another command does not take it for another run's."""
        changes: dict[str, Any] = dict(self.data.origin) if self.data else {}
        if self.data:
            changes = {"data.dir": "", "data.csv": ""} | changes
        for section, given in (("optimizer", self.optimizer), ("loss", self.loss), ("augment", self.augmentation)):
            if given is not None:
                changes[f"{section}.name"] = GIVEN
        if self.metrics:
            given_names = [metric.name for metric in self.metrics if metric.name not in config.metrics]
            changes["metrics"] = (*config.metrics, *given_names)
        return config_lib.replace(config, changes) if changes else config


def collect(
    config: Config,
    *,
    data: Dataset | None = None,
    optimizer: str | Optimizer | optax.GradientTransformation | None = None,
    loss: str | Loss | Callable[..., Any] | None = None,
    augment: str | Augmentation | Callable[..., Any] | None = None,
    metrics: Sequence[str | Metric] | Mapping[str, Callable[..., float]] | None = None,
    callbacks: Sequence[Any] = (),
) -> tuple[Config, Given]:
    """The arguments of `fit`: names go into the config, objects into `Given`.

    Raises:
        UsageError: an argument is neither.
    """
    changes: dict[str, Any] = {}
    objects: dict[str, Any] = {}
    for section, value, kind, made in (
        ("optimizer", optimizer, (Optimizer, optax.GradientTransformation), None),
        ("loss", loss, (Loss,), lambda function: Loss(GIVEN, function)),
        ("augment", augment, (Augmentation,), lambda function: Augmentation(GIVEN, function)),
    ):
        if isinstance(value, str):
            changes[f"{section}.name"] = value
        elif isinstance(value, kind):
            objects[section] = value
        elif made and callable(value):
            objects[section] = made(value)
        elif value is not None:
            kinds = ", ".join(["a name", *(one.__name__ for one in kind), *(["a function"] if made else [])])
            raise UsageError(f"fit(..., {section}={value!r}): must be one of {kinds}")
    if data is not None and not isinstance(data, Dataset):
        raise UsageError(f"fit(..., data={data!r}): must be a Dataset, as Dataset.from_folder(...) gives")
    if isinstance(metrics, Mapping):
        metrics = [Metric(name, function) for name, function in metrics.items()]
    if names := [metric for metric in metrics or () if isinstance(metric, str)]:
        changes["metrics"] = (*config.metrics, *(name for name in names if name not in config.metrics))
    given = Given(
        data=data,
        optimizer=objects.get("optimizer"),
        loss=objects.get("loss"),
        augmentation=objects.get("augment"),
        metrics=_metrics(metrics or ()),
        callbacks=_callbacks(callbacks),
    )
    return given.name_in(config_lib.replace(config, changes) if changes else config), given


def _metrics(metrics: Sequence[str | Metric]) -> tuple[Metric, ...]:
    for metric in metrics:
        if not isinstance(metric, (str, Metric)):
            raise UsageError(f"fit(..., metrics=[{metric!r}]): must be a name or a Metric(name, function, mode)")
        if isinstance(metric, Metric) and metric.name in METRICS and METRICS[metric.name] is not metric:
            raise UsageError(f"fit(..., metrics=[...]): there is a metric {metric.name} already; give it another name")
    return tuple(metric for metric in metrics if isinstance(metric, Metric))


def _callbacks(callbacks: Sequence[Any]) -> tuple[Any, ...]:
    for callback in callbacks:
        if not callable(getattr(callback, "on_epoch_end", None)):
            raise UsageError(f"fit(..., callbacks=[{callback!r}]): has no method on_epoch_end(row, variables)")
    return tuple(callbacks)
