"""Groups that the user names: a plant, a patient, a video. Photographs of one group are never in two parts."""

import re
from dataclasses import replace

from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError


def by_pattern(dataset: Dataset, pattern: str, *, strict: bool = True) -> Dataset:
    """`dataset` with the group that `re.search(pattern, path)` finds in the path of each photograph.

    The group is what the first parentheses of the pattern match, or the whole match if it has none.

    Args:
        strict: every path must match; otherwise a photograph without a match has no group.

    Raises:
        UsageError: a path does not match, or the parentheses match nothing in it.
    """
    flag, expression = f"--config.data.group_pattern={pattern}", re.compile(pattern)
    found = [expression.search(example.path) for example in dataset.examples]
    named = [match[min(1, expression.groups)] or "" if match else "" for match in found]
    without = [example.path for example, name in zip(dataset.examples, named, strict=True) if not name]
    if without and strict:
        raise UsageError(
            f"{flag}: gives no group to {len(without)} of {len(named)} photographs, the first {without[0]}; "
            "give a pattern that matches every path"
        )
    examples = (replace(example, group=name) for example, name in zip(dataset.examples, named, strict=True))
    return replace(dataset, examples=tuple(examples))


def check_parts(dataset: Dataset) -> None:
    """Refuse a group that is in two of the parts that the data give.

    Raises:
        UsageError: names the group and one path in each part.
    """
    first: dict[str, tuple[str, str]] = {}
    for example in dataset.examples:
        if not (example.group and example.split):
            continue
        part, path = first.setdefault(example.group, (example.split, example.path))
        if part != example.split:
            raise UsageError(
                f"group {example.group} is in two parts, {path} in {part} and {example.path} in {example.split}; "
                "put all its photographs into one part"
            )
