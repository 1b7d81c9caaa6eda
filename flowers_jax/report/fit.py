"""`fit` as the command line and `flowers_jax.fit` call it: with pictures, a report and events for TensorBoard."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flowers_jax.report.reporters import standard
from flowers_jax.training import loop

P = ParamSpec("P")
T = TypeVar("T")


def _reported(fit: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(fit)
    def fit_and_report(*arguments: P.args, **given: P.kwargs) -> T:
        given.setdefault("reporters", standard())
        return fit(*arguments, **given)

    return fit_and_report


fit = _reported(loop.fit)
