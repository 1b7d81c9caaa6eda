"""torchvision's MobileNetV2 tensors as Flax variables, strictly both ways.

Source of the names: torchvision `models/mobilenetv2.py`. Kernels go from OIHW to HWIO.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from flowers_jax.models.tensor_files import WeightsError

_BN = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
_HEAD = ("classifier.1.weight", "classifier.1.bias")

Variables = dict[str, Any]
"""`{"params": ..., "batch_stats": ...}`, nested dicts of arrays."""


def import_backbone(tensors: Mapping[str, np.ndarray], template: Variables) -> Variables:
    """`template` with its backbone taken from `tensors`; the head stays.

    Skipped by name: the ImageNet classifier and BatchNorm's `num_batches_tracked`.

    Raises:
        WeightsError: any tensor is missing, left over, or has another shape; sorted differences in one line.
    """
    flat: dict[str, Any] = traverse_util.flatten_dict(template, sep="/")
    wanted = {_torch_name(path): path for path in flat if "/backbone/" in path}
    given = {n: t for n, t in tensors.items() if n not in _HEAD and not n.endswith("num_batches_tracked")}
    problems = [f"missing {name}" for name in wanted.keys() - given.keys()]
    problems += [f"unexpected {name}" for name in given.keys() - wanted.keys()]
    for name in wanted.keys() & given.keys():
        value, path = _to_flax(given[name]), wanted[name]
        if value.shape != flat[path].shape:
            problems.append(f"{name} has shape {given[name].shape}, which gives {value.shape}, not {flat[path].shape}")
        else:
            flat[path] = np.ascontiguousarray(value, dtype=np.float32)
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise WeightsError("not torchvision's MobileNetV2 of this width: " + "; ".join(sorted(problems)[:5]) + more)
    return traverse_util.unflatten_dict(flat, sep="/")


def _torch_name(path: str) -> str:
    """`params/backbone/block_1/expand/scale` -> `features.2.conv.0.1.weight`."""
    _, _, layer, *inner = path.split("/")
    leaf = inner[-1]
    if layer in ("stem", "last"):
        place, conv, bn = ("features.0" if layer == "stem" else "features.18"), "0", "1"
    else:
        number = int(layer.removeprefix("block_"))
        first = 0 if number == 0 else 1  # the first block does not expand, so its layers stand one place earlier
        place = f"features.{number + 1}.conv"
        conv, bn = {
            "expand": ("0.0", "0.1"),
            "depthwise": (f"{first}.0", f"{first}.1"),
            "project": (f"{first + 1}", f"{first + 2}"),
        }[inner[0]]
    return f"{place}.{conv}.weight" if leaf == "kernel" else f"{place}.{bn}.{_BN[leaf]}"


def _to_flax(tensor: np.ndarray) -> np.ndarray:
    """OIHW -> HWIO; depthwise C1HW -> HW1C."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor
