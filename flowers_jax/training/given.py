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

PARTS: dict[str, tuple[tuple[type, ...], Callable[[str, Any], Any] | None]] = {
    "optimizer": ((Optimizer, optax.GradientTransformation), None),
    "loss": ((Loss,), Loss),
    "augment": ((Augmentation,), Augmentation),
}
"""By section: the classes of the objects that `fit` takes, and what makes such an object of a function."""


@dataclass(frozen=True)
class Given:
    """The objects; None and () where the config's names count."""

    data: Dataset | None = None
    optimizer: Optimizer | optax.GradientTransformation | None = None
    loss: Loss | None = None
    augment: Augmentation | None = None
    metrics: tuple[Metric, ...] = ()
    callbacks: tuple[Any, ...] = ()


def collect(
    config: Config,
    *,
    data: Dataset | None = None,
    metrics: str | Sequence[str | Metric] | Mapping[str, Callable[..., float]] | None = None,
    callbacks: Sequence[Any] = (),
    **parts: Any,
) -> tuple[Config, Given]:
    """The arguments of `fit`: names go into the config, objects into `Given`.

    The config names the objects too, so that `config.json` tells the truth and a command does not take the run for
    another one.

    Args:
        parts: a name or an object of each of `PARTS`.

    Raises:
        UsageError: an argument is neither, or the config names an object that is not given.
    """
    parts = {section: _part(section, value) for section, value in parts.items()}
    objects = {section: part for section, part in parts.items() if not (part is None or isinstance(part, str))}
    every = [Metric(*item) for item in metrics.items()] if isinstance(metrics, Mapping) else _listed("metrics", metrics)
    given = Given(
        _dataset(data), metrics=_metrics(every), callbacks=_callbacks(_listed("callbacks", callbacks)), **objects
    )
    names = {f"{section}.name": GIVEN if section in objects else part for section, part in parts.items() if part}
    of_metrics = dict.fromkeys((*config.metrics, *(m if isinstance(m, str) else m.name for m in every)))
    named = config_lib.replace(config, {**(data.origin if data else {}), **names, "metrics": tuple(of_metrics)})
    for section in PARTS:
        if getattr(named, section).name == GIVEN and section not in objects:
            raise UsageError(
                f"--config.{section}.name=given: is an object of Python; give it again: fit(..., {section}=...)"
            )
    return named, given


def _part(section: str, value: Any) -> Any:
    kinds, of_function = PARTS[section]
    if value is None or isinstance(value, (str, *kinds)):
        return value
    if of_function and callable(value):
        return of_function(GIVEN, value)
    words = ", ".join(["a name", *(kind.__name__ for kind in kinds), *(["a function"] if of_function else [])])
    raise UsageError(f"fit(..., {section}={value!r}): must be one of {words}")


def _dataset(data: Any) -> Dataset | None:
    if data is not None and not isinstance(data, Dataset):
        raise UsageError(
            f"fit(..., data=...): is a {type(data).__name__}; give a Dataset, as Dataset.from_folder(FOLDER) or "
            "Dataset.from_arrays(images, labels)"
        )
    return data


def _listed(name: str, value: Any) -> list[Any]:
    """What is several in a list; a single name is a list of one."""
    if value is None or isinstance(value, str):
        return [value] if value else []
    if not isinstance(value, Sequence):
        raise UsageError(f"fit(..., {name}={value!r}): must be a list")
    return list(value)


def _metrics(metrics: Sequence[str | Metric]) -> tuple[Metric, ...]:
    for metric in metrics:
        if not isinstance(metric, (str, Metric)):
            raise UsageError(
                f"fit(..., metrics=[{metric!r}]): must be a name, a Metric(name, function, mode), or {{name: function}}"
            )
        if isinstance(metric, Metric) and metric.name in METRICS and METRICS[metric.name] is not metric:
            raise UsageError(f"fit(..., metrics=[...]): there is a metric {metric.name} already; give it another name")
    return tuple(metric for metric in metrics if isinstance(metric, Metric))


def _callbacks(callbacks: Sequence[Any]) -> tuple[Any, ...]:
    for callback in callbacks:
        if not callable(getattr(callback, "on_epoch_end", None)):
            raise UsageError(f"fit(..., callbacks=[{callback!r}]): has no method on_epoch_end(row, variables)")
    return tuple(callbacks)
