"""What a run says at its start: first its photographs, as soon as they are known, then its model and its devices."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flax import traverse_util

from flowers_jax.config_types import Config
from flowers_jax.data import decoded_file, memory
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.split import SPLITS, alike_id
from flowers_jax.models.groups import group_of, is_below, layers_above
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import progress
from flowers_jax.runtime.precision import dtype_of
from flowers_jax.runtime.terminal import aligned, shown
from flowers_jax.training import remarks
from flowers_jax.training.setup import Job
from flowers_jax.training.state import parameter_counts
from flowers_jax.types import Devices

MOST_LISTED = 20


def show_photographs(config: Config, run: RunDirectory, dataset: Dataset, devices: Devices) -> None:
    """Print which photographs the run has, and what of it is known before the model is made."""
    _show("run", [str(run.path)])
    if progress.is_quiet():
        return
    photographs = f"{len(dataset.examples):,} photographs, {len(dataset.classes):,} classes"
    _show("data", [f"{shown(dataset.name)}: {photographs}", f"{shown(dataset.source)}: {dataset.reason}"])
    _show("", _classes(dataset))
    _show("copies", _copies(dataset))
    skipped = [str(one) for one in dataset.skipped[:MOST_LISTED]]
    more = len(dataset.skipped) - MOST_LISTED
    _show("skipped", [*skipped, *([f"and {more} more; scripts/check.py lists all"] if more > 0 else [])])
    for remark in remarks.on_photographs(config, dataset):
        _show("warning", [remark], "yellow")
    _show("model", [f"{shown(config.model.name)}, {dtype_of(config.precision).name}"])
    _show("devices", [f"{len(devices)} x {devices[0].device_kind}"])


def show_model(config: Config, job: Job) -> None:
    """Print what trains, from which weights, and what else the run needs."""
    if progress.is_quiet():
        return
    if job.progress:
        _show("resumed", [f"at epoch {job.progress.epoch + 1}"])
    _show("trains", _trains(job))
    _show("weights", [job.weights.name, job.weights.reason])
    of_photographs = f"{memory.shown(job.decoded_size)} of decoded photographs"
    place = job.config.data.cache
    _show(place, [of_photographs, *([str(decoded_file.folder())] if place == "disk" else [])])
    for remark in remarks.on_training(config, job):
        _show("warning", [remark], "yellow")


def _show(title: str, lines: list[str], style: str = "") -> None:
    for number, line in enumerate(lines):
        head = progress.styled(f"{title if number == 0 else '':<8}", style or "bold")
        print(f"{head} {progress.styled(line, style)}", flush=True)


def _classes(dataset: Dataset) -> list[str]:
    """A table: the photographs of each class in each part."""
    count = Counter((example.label, example.split) for example in dataset.examples)
    of_class = Counter(example.label for example in dataset.examples)
    rows = [
        [shown(name), *(f"{count[label, part]:,}" for part in SPLITS), f"{of_class[label]:,}"]
        for label, name in enumerate(dataset.classes[:MOST_LISTED])
    ]
    parts = Counter(example.split for example in dataset.examples)
    every = ["all classes", *(f"{parts[part]:,}" for part in SPLITS), f"{len(dataset.examples):,}"]
    *table, total = aligned([["class", *SPLITS, "all"], *rows, every])
    more = len(dataset.classes) - MOST_LISTED
    least = min(range(len(dataset.classes)), key=lambda label: of_class[label])
    smallest = f"the smallest class is {shown(dataset.classes[least])}, {of_class[least]:,} photographs"
    return [*table, *([f"and {more:,} more"] if more > 0 else []), total, smallest]


def _copies(dataset: Dataset) -> list[str]:
    """How many photographs look like another one; nothing if none does."""
    groups = [size for size in Counter(map(alike_id, dataset.examples)).values() if size > 1]
    if not groups or dataset.keeps_copies:
        return []
    return [f"{sum(groups):,} photographs look like another one; each of these {len(groups):,} groups is in one part"]


def _trains(job: Job) -> list[str]:
    """A table: the parameters of each group, and whether they train in each phase."""
    return aligned(list(_rows_of_groups(job)))


def _rows_of_groups(job: Job) -> Iterator[list[str]]:
    groups, params = job.spec.groups, job.variables["params"]
    flat: dict[str, Any] = traverse_util.flatten_dict(params, sep="/")
    sizes: Counter[str] = Counter()
    for path, leaf in flat.items():
        sizes[group_of(groups, path)] += leaf.size
    yield ["part", "parameters", *(phase.name for phase in job.phases)]
    last = ""
    for path in sorted(flat, key=lambda path: -layers_above(groups, path)):
        part = group_of(groups, path)
        if part != last:
            trains = ("frozen" if is_below(path, phase.frozen) else "trains" for phase in job.phases)
            yield [part, f"{sizes[part]:,}", *trains]
        last = part
    counts = (f"{parameter_counts(params, phase.frozen)[0]:,}" for phase in job.phases)
    yield ["trainable", f"of {sizes.total():,}", *counts]
