"""Two runs on the photographs that both tested: McNemar's test, and what makes them hard to compare."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flowers_jax.evaluation.predictions import Predictions, of_run
from flowers_jax.metrics.intervals import mcnemar
from flowers_jax.run.directory import RunDirectory

SEVERAL = 5
"""How many names of classes a message has."""


@dataclass(frozen=True)
class Contents:
    """The photographs of a finished run by what they show, the SHA-256 of `splits.csv`: a path may be another's.

    Attributes:
        name: of the run, in messages.
    """

    name: str
    run: RunDirectory

    @cached_property
    def predictions(self) -> Predictions:
        return of_run(self.run)

    @cached_property
    def splits(self) -> dict[str, dict[str, str]]:
        return self.run.read_splits()

    @cached_property
    def tested(self) -> dict[str, tuple[str, bool]]:
        """(label, whether the prediction is right) of each test photograph; copies of one count once."""
        predictions = self.predictions
        return {
            self.splits[path]["sha256"]: (predictions.classes[label], bool(right))
            for path, label, right in zip(predictions.paths, predictions.labels, predictions.right, strict=True)
        }

    def part(self, split: str) -> set[str]:
        """The SHA-256 of the photographs of `train`, `validation` or `test`."""
        return {row["sha256"] for row in self.splits.values() if row["split"] == split}


def pair(first: Contents, other: Contents) -> dict[str, Any]:
    """How often each run is right on the photographs that both tested under the same label.

    Returns:
        `shared`: how many these are; `right` and `first_right`: on how many of them each run is right; `only_right` and
        `only_first_right`: on how many it alone is; `p`: of McNemar's exact two-sided test, None of no photograph.
    """
    shared = [one for one in first.tested if one in other.tested and first.tested[one][0] == other.tested[one][0]]
    first_right, right = ([run.tested[one][1] for one in shared] for run in (first, other))
    return {
        "shared": len(shared),
        "right": sum(right),
        "first_right": sum(first_right),
        "only_right": sum(b and not a for a, b in zip(first_right, right, strict=True)),
        "only_first_right": sum(a and not b for a, b in zip(first_right, right, strict=True)),
        "p": mcnemar(first_right, right) if shared else None,
    }


def warnings(first: Contents, other: Contents) -> list[str]:
    """Why the figures of two runs may not be compared as they are."""
    found = (
        _classes(first, other),
        _data(first, other),
        _parts(first, other),
        _labels(first, other),
        _leak(first, other),
    )
    return [warning for warning in found if warning]


def _classes(first: Contents, other: Contents) -> str:
    ours, theirs = first.predictions.classes, other.predictions.classes
    lacking, more = ([name for name in one if name not in two] for one, two in ((ours, theirs), (theirs, ours)))
    differences = [f"{word} {_several(names)}" for word, names in (("without", lacking), ("with", more)) if names]
    return f"{other.name} has other classes than {first.name}: {', '.join(differences)}" if differences else ""


def _several(names: list[str]) -> str:
    more = len(names) - SEVERAL
    return ", ".join(names[:SEVERAL]) + (f" and {more} more" if more > 0 else "")


def _data(first: Contents, other: Contents) -> str:
    one, two = (run.run.read_model()["dataset"].get("sha256") for run in (first, other))  # an older run has none
    if not one or not two or one == two:
        return ""
    return f"{other.name} has other photographs than {first.name}: their SHA-256 is {two[:12]}, not {one[:12]}"


def _parts(first: Contents, other: Contents) -> str:
    """Of validation only where the test parts are the same: others differ with their test parts anyway."""
    for part in ("test", "validation"):
        one, two = first.part(part), other.part(part)
        if one != two:
            return (
                f"the {part} part of {other.name} is not that of {first.name}: {len(two)} and {len(one)} photographs, "
                f"{len(one & two)} in both"
            )
    return ""


def _labels(first: Contents, other: Contents) -> str:
    both = first.tested.keys() & other.tested.keys()
    count = sum(first.tested[one][0] != other.tested[one][0] for one in both)
    where = f"of the photographs that {first.name} and {other.name} test"
    return f"{count} {where} have another label in each: McNemar's test leaves them out" if count else ""


def _leak(first: Contents, other: Contents) -> str:
    """Whether a run has learnt what the other is tested on."""
    leaks = [
        f"{one.name} trained on {leaked} of the {len(two.part('test'))} photographs that {two.name} tests"
        for one, two in ((first, other), (other, first))
        if (leaked := len(one.part("train") & two.part("test")))
    ]
    return f"{', and '.join(leaks)}: compare them only on photographs that both test" if leaks else ""
