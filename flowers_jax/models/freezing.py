"""Frozen layers compute in training what they compute in evaluation, whatever model they belong to."""

import contextlib
import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import flax.linen as nn
from flax.linen.module import InterceptorContext

from flowers_jax.models.groups import is_below
from flowers_jax.models.layers import ConvNorm

EVALUATION = {"train": False, "training": False, "deterministic": True, "use_running_average": True}
"""The arguments by which Flax modules are told to evaluate, and the value that tells them so."""

NORMS = (nn.BatchNorm, ConvNorm)


@contextlib.contextmanager
def held(frozen: Collection[str], batch_norm: str = "batch", within: Sequence[str] = ()) -> Iterator[None]:
    """While in here, modules that are frozen evaluate, even where `module.apply(..., train=True)` runs.

    Their BatchNorm takes the stored statistics and does not change them, and they drop nothing. A masked optimizer
    alone would let the statistics drift.

    Args:
        frozen: paths below `params`; modules at and below them are frozen.
        batch_norm: with `stored`, every BatchNorm takes the stored statistics, frozen or not.
        within: the path of the module that `frozen` starts from.
    """

    def hold(call: Any, args: tuple[Any, ...], kwargs: dict[str, Any], context: InterceptorContext) -> Any:
        module = context.module
        if context.method_name != "__call__":
            return call(*args, **kwargs)
        path = "/".join(module.path[len(within) :])
        if not (is_below(path, frozen) or (batch_norm == "stored" and isinstance(module, NORMS))):
            return call(*args, **kwargs)
        with _evaluating(module):
            args, kwargs = _arguments(module, args, kwargs)
            return call(*args, **kwargs)

    with nn.intercept_methods(hold):
        yield


def _arguments(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, with those that tell the module to evaluate."""
    signature = inspect.signature(type(module).__call__)
    told = [name for name in EVALUATION if name in signature.parameters and getattr(module, name, None) is None]
    bound = signature.bind(module, *args, **kwargs)
    bound.arguments |= {name: EVALUATION[name] for name in told}
    return bound.args[1:], bound.kwargs


@contextlib.contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """While in here, the fields of a module say so too, as in `nn.BatchNorm(use_running_average=not train)`."""
    before = {name: value for name in EVALUATION if (value := getattr(module, name, None)) is not None}
    for name in before:
        object.__setattr__(module, name, EVALUATION[name])  # a module is a frozen dataclass
    try:
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(module, name, value)
