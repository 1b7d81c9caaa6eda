"""A function with two implementations, of which the platform that a program is compiled for chooses one."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jaxtyping import Array

Function = Callable[..., Array]


def by_platform(ours: Function, xla: Function) -> Function:
    """`ours` where the program is compiled for a CPU, which is known only when it is lowered; else `xla`.

    Both take the same arrays. The result has reverse-mode derivatives alone.
    """

    # The gradient of `lax.platform_dependent` would save what either of the two wants saved; this saves the inputs.
    @jax.custom_vjp
    def function(*operands: Array) -> Array:
        return lax.platform_dependent(*operands, cpu=ours, default=xla)

    def forward(*operands: Array) -> tuple[Array, tuple[Array, ...]]:
        return function(*operands), operands

    def backward(saved: tuple[Array, ...], dy: Array) -> tuple[Array, ...]:
        return lax.platform_dependent(*saved, dy, cpu=_gradients(ours), default=_gradients(xla))

    function.defvjp(forward, backward)
    return function


def _gradients(function: Function) -> Callable[..., Any]:
    return lambda *operands: jax.vjp(function, *operands[:-1])[1](operands[-1])
