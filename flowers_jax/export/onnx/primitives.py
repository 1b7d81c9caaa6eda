"""Which function writes which primitive of JAX: `WRITERS`, filled by the files of the families."""

from collections.abc import Callable
from typing import Any

WRITERS: dict[str, Callable[..., Any]] = {}
"""By the name of the primitive: `write(graph, equation, *inputs)` gives the output, or a list of several."""


def writes(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorates the function that writes these primitives."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        WRITERS.update(dict.fromkeys(names, function))
        return function

    return register
