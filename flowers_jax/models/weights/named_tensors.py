"""Tensors under a library's names as Flax variables, strictly both ways."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from flowers_jax.models.weights.pretrained import Tensors, Variables
from flowers_jax.models.weights.tensor_files import WeightsError

TORCH_BATCH_NORM = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
"""PyTorch's names of what BatchNorm holds."""


def fill(
    template: Variables,
    tensors: Tensors,
    paths: Mapping[str, str],
    to_flax: Callable[[str, np.ndarray], np.ndarray],
    network: str,
) -> Variables:
    """`template` with the leaves at `paths` taken from `tensors`, as float32.

    BatchNorm's `num_batches_tracked` is skipped.

    Args:
        paths: from the name of a tensor to the path of its leaf, as `params/head/kernel`.
        to_flax: (name, tensor) -> the tensor in Flax's layout.
        network: what the tensors should be, for the message.

    Raises:
        WeightsError: a tensor is missing, left over, of another shape or not finite; sorted differences in one line.
    """
    flat: dict[str, Any] = traverse_util.flatten_dict(template, sep="/")
    given = {name: tensor for name, tensor in tensors.items() if not name.endswith("num_batches_tracked")}
    problems = [f"missing {name}" for name in paths.keys() - given.keys()]
    problems += [f"unexpected {name}" for name in given.keys() - paths.keys()]
    for name in paths.keys() & given.keys():
        value, path = to_flax(name, given[name]), paths[name]
        if value.shape != flat[path].shape:
            problems.append(f"{name} has shape {given[name].shape}, which gives {value.shape}, not {flat[path].shape}")
        elif not np.isfinite(value).all():
            problems.append(f"{name} holds numbers that are not finite")
        else:
            flat[path] = np.ascontiguousarray(value, dtype=np.float32)
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise WeightsError(f"not {network}: {'; '.join(sorted(problems)[:5])}{more}")
    return traverse_util.unflatten_dict(flat, sep="/")


def from_torch(tensor: np.ndarray) -> np.ndarray:
    """A kernel OIHW -> HWIO, OI -> IO; of other tensors nothing changes."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def to_torch(tensor: np.ndarray) -> np.ndarray:
    """The inverse of `from_torch`."""
    return tensor.transpose(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T
