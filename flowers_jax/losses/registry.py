"""The losses by name.

A loss is a function `(logits, targets, **options) -> losses`: logits float32 [B, classes]; targets float32
[B, classes], shares that sum to 1 (one class, or several where labels are smoothed or examples are mixed); losses
float32 [B], one for each example.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from flowers_jax.config_key import Key
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError, first_line
from flowers_jax.registry import GIVEN, Registry, absent, of_function
from flowers_jax.types import HostLabels, HostLogits

LossFunction = Callable[[Any, Any], Float32[Array, " batch"]]
"""From logits and targets [B, classes] to losses [B]."""


@dataclass(frozen=True)
class Loss:
    """A loss, as the program knows it.

    Attributes:
        name: of `config.loss.name`.
        function: see the module.
        options: its own settings, `config.loss.options`: default, rule and help of each.
    """

    name: str
    function: Callable[..., Any]
    options: Mapping[str, Key] = field(default_factory=dict)


LOSSES = Registry("loss.name", Loss, of_function(Loss), also="a function (logits, targets)", given=Loss(GIVEN, absent))
register, find = LOSSES.register, LOSSES.find


def bound(config: Config, loss: Loss | None = None) -> LossFunction:
    """The loss of `config.loss`, or `loss`, with its options."""
    return partial((loss or find(config.loss.name)).function, **config.loss.options)


def check(loss: LossFunction, name: str, classes: int) -> None:
    """Check what a loss gives for two examples; nothing is computed.

    Args:
        name: of the loss, for messages.

    Raises:
        UsageError: it fails, or does not return one loss for each example.
    """
    example = jax.ShapeDtypeStruct((2, classes), jnp.float32)
    try:
        found = jax.eval_shape(loss, example, example)
    except UsageError:
        raise
    except Exception as error:  # whatever code from outside does wrong is its author's to read in one line
        raise UsageError(f"--config.loss.name={name}: {type(error).__name__}: {first_line(error)}") from error
    shape = getattr(found, "shape", None)
    if shape != (2,) or not jnp.issubdtype(found.dtype, jnp.floating):
        given = f"{found.dtype} {list(shape)}" if shape is not None else type(found).__name__
        raise UsageError(
            f"--config.loss.name={name}: gives {given} for logits [2, {classes}]; it must give one loss for each "
            "example, float32 [2], and not their sum or mean"
        )


def of_logits(loss: LossFunction, logits: HostLogits, labels: HostLabels) -> float:
    """The mean loss of predictions: of examples with one class each, without smoothing and without weights."""
    targets = np.zeros_like(logits, np.float32)
    targets[np.arange(len(labels)), labels] = 1
    losses = jax.device_get(loss(jnp.asarray(logits, jnp.float32), jnp.asarray(targets)))
    return float(np.asarray(losses, np.float64).mean())
