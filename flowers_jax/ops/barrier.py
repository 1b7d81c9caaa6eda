"""Barriers against XLA on a CPU, which computes again for each reader what it could keep."""

from typing import TypeVar

import jax
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata

Tree = TypeVar("Tree")

_same = jax.jit(lambda operand: operand)


def cpu_barrier(operand: Tree) -> Tree:
    """`lax.optimization_barrier` where the program is compiled for a CPU; elsewhere nothing, so that XLA may fuse."""
    return lax.platform_dependent(operand, cpu=lax.optimization_barrier, default=lambda same: same)


def kept_on_cpu(operand: Tree) -> Tree:
    """`operand`, which a CPU computes once and keeps in memory, whatever reads it; elsewhere nothing.

    XLA drops an `optimization_barrier` before it fuses on a CPU, but a function that must not be inlined stays a
    function.
    """

    def kept(operand: Tree) -> Tree:
        with set_xla_metadata(inlineable="false"):
            return _same(operand)

    return lax.platform_dependent(operand, cpu=kept, default=lambda same: same)
