"""The dtype of activations. It depends on the machine that runs the model, not on the machine that trained it."""

from typing import Any

import jax
import jax.numpy as jnp

from flowers_jax.errors import UsageError

PRECISIONS = ("auto", "float32", "bfloat16")


def dtype_of(precision: str) -> Any:
    """The dtype of one of `PRECISIONS`; `auto` is bfloat16 on GPU and TPU, float32 on a CPU.

    Raises:
        UsageError: another value.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"--precision={precision}: must be one of {', '.join(PRECISIONS)}")
    if precision == "auto":
        precision = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return jnp.dtype(precision)
