"""The points of a grid of values, each with its config and its run directory."""

import hashlib
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.run.directory import RunDirectory

RESULTS = ("sweep.csv", "sweep.json")
SEEDS = ("seed", "data.seed")
"""The keys over which results are averaged."""

LONGEST = 60
"""Characters of a value in the name of a folder."""

Grid = Mapping[str, Sequence[Any]]
"""The values of each key, as `{"learning_rate": [1e-3, 3e-3], "seed": [0, 1]}`."""


class Point(NamedTuple):
    """A run of a grid.

    Attributes:
        values: of the keys of the grid, in its order.
    """

    values: dict[str, Any]
    config: Config
    run: RunDirectory

    @property
    def name(self) -> str:
        return name_of(self.values)

    @property
    def setting(self) -> dict[str, Any]:
        """The values of the keys that are no seeds."""
        return {key: value for key, value in self.values.items() if key not in SEEDS}


def points(config: Config, grid: Grid, out: RunDirectory) -> list[Point]:
    """Every point, those with the same photographs one after another. A run in `out` with an equal config is its run.

    Raises:
        UsageError: a key or a value that a config cannot have, a key without values, a value that is given twice, or
            `out` holds something else than runs.
    """
    for key, values in grid.items():
        texts = [config_lib.text_of(value) for value in values]
        if not texts:
            raise UsageError(f"--grid {key}=: give the values, as in --grid seed=0,1")
        if twice := [text for text in texts if texts.count(text) > 1]:
            raise UsageError(f"--grid {key}: {twice[0]} is given twice; leave one out")
    if "checkpoint.monitor" in grid:
        raise UsageError("--grid checkpoint.monitor: the best point is chosen by it, so it is the same for all points")
    slow_first = sorted(grid, key=lambda key: key != "seed" and not key.startswith("data."))
    found, made = list(_runs(out)), []
    for combination in itertools.product(*(grid[key] for key in slow_first)):
        of_point = config_lib.replace(config, dict(zip(slow_first, combination, strict=True)))
        flat = config_lib.flatten(of_point)
        values = {key: flat[key] for key in grid}
        equal = (run for run, existing in found if existing == flat)
        made.append(Point(values, of_point, next(equal, RunDirectory(out.path / name_of(values)))))
    return made


def name_of(values: Mapping[str, Any]) -> str:
    """`learning_rate=0.001,seed=0`, in characters that a file system takes; a hash stands for others."""
    return ",".join(f"{key}={_safe(config_lib.text_of(value))}" for key, value in values.items())


def _safe(text: str) -> str:
    safe = re.sub(r"[^\w.,+-]", "_", text)[-LONGEST:]
    return safe if safe == text else f"{safe}-{hashlib.sha256(os.fsencode(text)).hexdigest()[:8]}"


def _runs(out: RunDirectory) -> Iterator[tuple[RunDirectory, dict[str, Any]]]:
    """Every run in `out` with its config.

    Raises:
        UsageError: there is something else.
    """
    if os.path.exists(out.path) and not os.path.isdir(out.path):
        raise UsageError(f"--out={out.path}: is a file; give a folder")
    for path in sorted(out.path.iterdir()) if os.path.isdir(out.path) else ():
        if path.name.startswith(".") or path.name in RESULTS:
            continue
        if os.path.isfile(path / "config.json"):
            run = RunDirectory(path)
            yield run, config_lib.flatten(run.read_config())
        elif not os.path.isdir(path) or any(not inside.startswith(".") for inside in os.listdir(path)):
            raise UsageError(f"--out={out.path}: holds {path.name}, which is no run of a sweep; give another folder")
