"""Decoded photographs that a program holds: `Dataset.from_arrays`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from flowers_jax.config_types import Config, Data
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.lossless import encode
from flowers_jax.data.sources.registry import Source, register
from flowers_jax.data.split import PARTS
from flowers_jax.errors import UsageError, first_line
from flowers_jax.types import described

NAME = "arrays"


def load_arrays(images: Any, labels: Any, classes: Any, split: Any, groups: Any, data: Data) -> Dataset:
    """See `Dataset.from_arrays`. The path of a photograph is `arrays:INDEX`; it is encoded when it is read.

    Raises:
        UsageError: another shape, dtype or length, or a label without a class.
    """
    pictures = _pictures(images)
    count = len(pictures)
    names = _class_names(labels, classes, count)
    parts, members = _parts(split, count), _groups(groups, count)
    candidates = [
        Candidate(f"{NAME}:{index}", *each) for index, each in enumerate(zip(names, parts, members, strict=True))
    ]
    found = collect(
        NAME, "arrays of this program", candidates, lambda path: encode(pictures[int(path.split(":")[1])]), data
    )  # fmt: skip
    return _in_order(found, np.unique(np.asarray(labels)).tolist() if classes is None else classes)


def _in_order(found: Dataset, classes: Iterable[Any]) -> Dataset:
    """The data set with its classes in this order: a model's column of probabilities is then the caller's number."""
    ordered = tuple(str(name) for name in classes if str(name) in found.classes)
    label = [ordered.index(name) for name in found.classes]
    examples = tuple(replace(example, label=label[example.label]) for example in found.examples)
    return replace(found, classes=ordered, examples=examples)


def _pictures(images: Any) -> list[np.ndarray]:
    """N arrays uint8 [H, W, 3]; they share the memory of `images`."""
    wanted = "give uint8 [N, H, W, 3], or a list of uint8 [H, W, 3]"
    if not isinstance(images, (list, tuple)):
        images = np.asarray(images)
        if images.dtype.kind != "O" and (images.ndim != 4 or images.dtype != np.uint8):
            raise UsageError(f"images: {described(images)}; {wanted}")
    pictures = [np.asarray(image) for image in images]
    for index, picture in enumerate(pictures):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise UsageError(f"images: number {index} is {described(picture)}; {wanted}")
    if not pictures:
        raise UsageError(f"images: there are none; {wanted}")
    return pictures


def _class_names(labels: Any, classes: Any, count: int) -> list[str]:
    """The name of the class of each photograph."""
    try:
        given = np.asarray(labels)
    except ValueError as error:  # lists of several lengths
        raise UsageError(f"labels: {first_line(error)}; give whole numbers or names, one for each image") from error
    if given.ndim != 1 or given.dtype.kind not in "iuUSO":
        raise UsageError(f"labels: {described(given)}; give {count} whole numbers or names, one for each image")
    _check_length("labels", given, count)
    known = None if classes is None else [str(name) for name in classes]
    if known is not None and len(set(known)) < len(known):
        raise UsageError("classes: a name is given twice")
    if given.dtype.kind in "iu":
        return [str(label) if known is None else _name_of(int(label), known) for label in given]
    for index, label in enumerate(given.tolist()):
        if not isinstance(label, str) or not label:
            raise UsageError(f"labels: number {index} is {label!r}; give whole numbers or names")
        if known is not None and label not in known:
            raise UsageError(f"labels: number {index} is {label}, which is none of classes, {', '.join(known)}")
    return given.tolist()


def _name_of(label: int, classes: Sequence[str]) -> str:
    if not 0 <= label < len(classes):
        raise UsageError(f"labels: {label} has no class; there are {len(classes)} classes, from 0")
    return classes[label]


def _parts(split: Any, count: int) -> list[str]:
    """The part of each photograph; "" if none is given."""
    if split is None:
        return [""] * count
    texts = [str(part or "").lower() for part in split]
    _check_length("split", texts, count)
    for index, text in enumerate(texts):
        if text and text not in PARTS:
            raise UsageError(f"split: number {index} is {text}; give one of {', '.join(PARTS)}")
    if any(texts) and not all(texts):
        raise UsageError(f"split: number {texts.index('')} has no part, and others have one; give every image one")
    return [PARTS.get(text, "") for text in texts]


def _groups(groups: Any, count: int) -> list[str]:
    """The group of each photograph; "" if it belongs to none."""
    if groups is None:
        return [""] * count
    found = ["" if group is None else str(group) for group in groups]
    _check_length("groups", found, count)
    return found


def _check_length(name: str, values: Sequence[Any] | np.ndarray, count: int) -> None:
    if len(values) != count:
        raise UsageError(f"{name}: there are {len(values)}, and {count} images; give one for each image")


def _from_command_line(config: Config) -> NoReturn:
    del config
    raise UsageError(
        "--config.data.name=arrays: only the program that holds the arrays can give them; there, call "
        "fit(config, workdir, data=Dataset.from_arrays(images, labels))"
    )


register(Source(NAME, _from_command_line))
