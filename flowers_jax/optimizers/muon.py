"""Muon: the momentum of each kernel made orthogonal; biases and scales by AdamW."""

from typing import Any

import optax
from optax.contrib import MuonDimensionNumbers

from flowers_jax.config_key import ANY, BELOW_ONE, Key, at_least
from flowers_jax.optimizers.registry import Optimizer, by_path, kernels, register

OPTIONS = {
    "beta": Key(0.95, BELOW_ONE, "share that the momentum keeps at each step"),
    "ns_steps": Key(5, at_least(1), "Newton-Schulz iterations that make it orthogonal"),
    "nesterov": Key(True, ANY, "use Nesterov momentum"),
}


def muon(learning_rate: Any, *, weight_decay: float, **options: Any) -> optax.GradientTransformation:
    """Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/."""
    return optax.contrib.muon(
        learning_rate,
        weight_decay=weight_decay,
        weight_decay_mask=kernels,
        muon_weight_dimension_numbers=matrices,
        **options,
    )


def matrices(params: Any) -> Any:
    """How each kernel is a matrix: its last axis is the output, all others together are the input.

    So the kernel [height, width, input, output] of a convolution is one matrix. optax alone takes only kernels of two
    axes. None for the leaves that Muon leaves to AdamW.
    """

    def of(path: str, leaf: Any) -> MuonDimensionNumbers | None:
        if not path.endswith("kernel") or leaf.ndim < 2:
            return None
        return MuonDimensionNumbers(tuple(range(leaf.ndim - 1)), leaf.ndim - 1)

    return by_path(of, params)


register(Optimizer("muon", muon, OPTIONS, decays=True))
