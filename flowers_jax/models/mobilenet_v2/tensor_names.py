"""MobileNetV2's tensors under the names of Keras, torchvision and timm as Flax variables, strictly both ways.

Sources of the names: Keras `applications/mobilenet_v2.py`, torchvision `models/mobilenetv2.py`, timm
`models/efficientnet.py`. Kernels become HWIO.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from flax import traverse_util

from flowers_jax.models.mobilenet_v2.layout import blocks
from flowers_jax.models.weights import named_tensors
from flowers_jax.models.weights.named_tensors import TORCH_BATCH_NORM, from_torch
from flowers_jax.models.weights.pretrained import Variables
from flowers_jax.models.weights.tensor_files import WeightsError

_KERAS_BN = {"scale": "gamma", "bias": "beta", "mean": "moving_mean", "var": "moving_variance"}
_BLOCKS = {block.name: (number, block) for number, block in enumerate(blocks(1.0, False))}


class Family(NamedTuple):
    """How one library names the tensors.

    Attributes:
        convention: of `mobilenet_v2.CONVENTIONS`.
        mark: a tensor that only this family has.
        rename: from (layer, part of a block or "", leaf) of the backbone to the tensor's name.
        heads: the names that the classifier's kernel and bias may have.
    """

    name: str
    convention: str
    mark: str
    rename: Callable[[str, str, str], str]
    heads: tuple[tuple[str, str], ...]


def family_of(tensors: Mapping[str, np.ndarray]) -> Family:
    """The library that wrote them.

    Raises:
        WeightsError: none that is known.
    """
    found = next((family for family in FAMILIES if family.mark in tensors), None)
    if found is None:
        some = ", ".join(sorted(tensors)[:3]) or "none"
        raise WeightsError(f"no MobileNetV2 of Keras, torchvision or timm: its first tensors are {some}")
    return found


def has_head(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether there is a classifier."""
    return any(name in tensors for kernel_and_bias in family_of(tensors).heads for name in kernel_and_bias)


def import_variables(tensors: Mapping[str, np.ndarray], template: Variables, *, head: bool = False) -> Variables:
    """`template` with its backbone taken from `tensors`, and with `head` its dense layer too.

    Skipped by name: BatchNorm's `num_batches_tracked`, and without `head` the classifier.

    Raises:
        WeightsError: any tensor is missing, left over, or has another shape; sorted differences in one line.
    """
    family = family_of(tensors)
    flat = traverse_util.flatten_dict(template, sep="/")
    wanted = {_name(family, path): path for path in flat if "/backbone/" in path}
    # As Keras called it before version 3.
    given = {name.replace("/depthwise_kernel", "/kernel"): tensor for name, tensor in tensors.items()}
    classifier = next((names for names in family.heads if names[0] in given), family.heads[0])
    if head:
        wanted |= dict(zip(classifier, ("params/head/kernel", "params/head/bias"), strict=True))
    else:
        given = {name: tensor for name, tensor in given.items() if name not in classifier}
    network = f"{family.name}'s MobileNetV2 of this width and head"
    return named_tensors.fill(template, given, wanted, partial(_to_flax, family), network)


def export_variables(variables: Variables, family: Family) -> dict[str, np.ndarray]:
    """The inverse of `import_variables`, with the dense layer: every tensor under the family's name, in its layout."""
    tensors = {}
    for path, leaf in traverse_util.flatten_dict(variables, sep="/").items():
        if "/backbone/" in path:
            name, tensor = _name(family, path), np.asarray(leaf)
            if family.convention == "torch" and tensor.ndim == 4:
                tensor = tensor.transpose(3, 2, 0, 1)
            elif name.endswith("_depthwise/kernel"):
                tensor = tensor.transpose(0, 1, 3, 2)
            tensors[name] = tensor
    names = dict(zip(("kernel", "bias"), family.heads[0], strict=True))
    for leaf, tensor in variables["params"]["head"].items():
        tensors[names[leaf]] = np.asarray(tensor).T if family.convention == "torch" else np.asarray(tensor)
    return tensors


def _name(family: Family, path: str) -> str:
    _, _, layer, *inner = path.split("/")
    return family.rename(layer, inner[0] if len(inner) > 1 else "", inner[-1])


def _torchvision(layer: str, part: str, leaf: str) -> str:
    """(`block_1`, `expand`, `scale`) -> `features.2.conv.0.1.weight`."""
    if layer in ("stem", "last"):
        place, conv, bn = ("features.0" if layer == "stem" else "features.18"), "0", "1"
    else:
        number, block = _BLOCKS[layer]
        first = 0 if block.expansion == 1 else 1  # where nothing expands, layers stand one place earlier
        place = f"features.{number + 1}.conv"
        conv, bn = {
            "expand": ("0.0", "0.1"),
            "depthwise": (f"{first}.0", f"{first}.1"),
            "project": (f"{first + 1}", f"{first + 2}"),
        }[part]
    return f"{place}.{conv}.weight" if leaf == "kernel" else f"{place}.{bn}.{TORCH_BATCH_NORM[leaf]}"


def _timm(layer: str, part: str, leaf: str) -> str:
    """(`block_1`, `expand`, `scale`) -> `blocks.1.0.bn1.weight`."""
    if layer in ("stem", "last"):
        conv, bn = ("conv_stem", "bn1") if layer == "stem" else ("conv_head", "bn2")
    else:
        _, block = _BLOCKS[layer]
        inside = [name for name, (_, other) in _BLOCKS.items() if other.stage == block.stage].index(layer)
        place = f"blocks.{block.stage - 1}.{inside}."
        if block.expansion == 1:  # timm's DepthwiseSeparableConv
            conv, bn = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}[part]
        else:
            conv, bn = {
                "expand": ("conv_pw", "bn1"), "depthwise": ("conv_dw", "bn2"), "project": ("conv_pwl", "bn3")
            }[part]  # fmt: skip
        conv, bn = place + conv, place + bn
    return f"{conv}.weight" if leaf == "kernel" else f"{bn}.{TORCH_BATCH_NORM[leaf]}"


def _keras(layer: str, part: str, leaf: str) -> str:
    """(`block_1`, `expand`, `scale`) -> `block_1_expand_BN/gamma`."""
    if layer in ("stem", "last"):
        conv, bn = ("Conv1", "bn_Conv1") if layer == "stem" else ("Conv_1", "Conv_1_bn")
    else:
        conv = f"{'expanded_conv' if layer == 'block_0' else layer}_{part}"
        bn = f"{conv}_BN"
    if leaf == "kernel":
        return f"{conv}/kernel"
    return f"{bn}/{_KERAS_BN[leaf]}"


TORCHVISION = Family(
    "torchvision", "torch", "features.0.0.weight", _torchvision, (("classifier.1.weight", "classifier.1.bias"),)
)
TIMM = Family("timm", "torch", "conv_stem.weight", _timm, (("classifier.weight", "classifier.bias"),))
KERAS = Family(
    "Keras", "keras", "Conv1/kernel", _keras,
    (("predictions/kernel", "predictions/bias"), ("Logits/kernel", "Logits/bias")),
)  # fmt: skip
FAMILIES = (TORCHVISION, TIMM, KERAS)


def _to_flax(family: Family, name: str, tensor: np.ndarray) -> np.ndarray:
    """PyTorch: `from_torch`; Keras: depthwise HWC1 -> HW1C."""
    if family.convention == "torch":
        return from_torch(tensor)
    return tensor.transpose(0, 1, 3, 2) if name.endswith("_depthwise/kernel") and tensor.ndim == 4 else tensor
