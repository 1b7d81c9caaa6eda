"""What a new run takes of the photographs that were found, and what is remarkable in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from flowers_jax.data.checks import copies
from flowers_jax.data.dataset import Dataset, Skipped
from flowers_jax.data.split import alike_id, units
from flowers_jax.errors import UsageError

UNUSED_CLASS = "class without a usable photograph"


def review(found: Dataset) -> Dataset:
    """`found` without the copies of `copies.leave_out`, and with remarks on its classes.

    A set that `keeps_copies` is returned as it is.
    """
    if found.keeps_copies:
        return found
    used = copies.leave_out(found)
    emptied = [Skipped(f"{name}/", UNUSED_CLASS) for name in set(found.classes) - set(used.classes)]
    skipped = sorted([*used.skipped, *emptied], key=lambda one: (one.path.endswith("/"), one))  # files, then classes
    return replace(used, skipped=tuple(skipped), remarks=(*_remarks(used), *found.remarks))


def check_trainable(dataset: Dataset) -> None:
    """Refuse what no classifier can be trained on.

    Raises:
        UsageError: no photograph, one class, or a class that the given train part does not have.
    """
    seen = f"; the first of {len(dataset.skipped)} skipped: {dataset.skipped[0]}" if dataset.skipped else ""
    if not dataset.examples and not dataset.skipped:
        raise UsageError("there is no usable photograph in class folders below it")
    if not dataset.examples:
        raise UsageError(
            f"none of its {len(dataset.skipped)} photographs can be used, the first because: "
            f"{dataset.skipped[0].reason}"
        )
    if len(dataset.classes) == 1:
        raise UsageError(
            f"{dataset.name} has one class only, {dataset.classes[0]!r}: a classifier needs two; a folder has a folder "
            f"for each class{seen}"
        )
    if strange := untrained(dataset):
        raise UsageError(f"the train part has no usable photograph of class {', '.join(strange)}{seen}")


def untrained(dataset: Dataset) -> list[str]:
    """The classes that the train part does not have, if parts are given."""
    divided = [example for example in dataset.examples if example.split]
    trained = {example.label for example in divided if example.split == "train"}
    return [dataset.classes[label] for label in sorted({example.label for example in divided} - trained)]


def _remarks(dataset: Dataset) -> Iterator[Skipped]:
    """Problems of classes that are used."""
    unit, looks = units(dataset.examples), {(example.label, alike_id(example)) for example in dataset.examples}
    pictures = Counter(label for label, _ in looks)
    whole = Counter(label for label, _ in {(label, unit[look]) for label, look in looks})
    spelled: dict[str, str] = {}
    for label, name in enumerate(dataset.classes):
        if whole[label] == 1:
            one = "photograph" if pictures[label] == 1 else "group"
            yield Skipped(f"{name}/", f"class of one {one}: it cannot be both trained on and tested")
        other = spelled.setdefault(name.casefold(), name)
        if other != name:
            yield Skipped(f"{name}/", f"differs from {other}/ only by case; rename one if they are one class")
