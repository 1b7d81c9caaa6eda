"""A barrier against XLA on a CPU, which computes again for each reader what it could keep."""

from typing import TypeVar

from jax import lax

Tree = TypeVar("Tree")


def cpu_barrier(operand: Tree) -> Tree:
    """`lax.optimization_barrier` where the program is compiled for a CPU; elsewhere nothing, so that XLA may fuse."""
    return lax.platform_dependent(operand, cpu=lax.optimization_barrier, default=lambda same: same)
