"""The output of a run: the banner, a progress bar, a line per epoch, and the result."""

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jax
from flax import traverse_util
from tqdm import tqdm

from flowers_jax.config_types import Config
from flowers_jax.data import memory
from flowers_jax.data.split import SPLITS
from flowers_jax.metrics import PLAIN
from flowers_jax.models.groups import group_of, is_below, layers_above
from flowers_jax.training.phases import Phase
from flowers_jax.training.remarks import remarks
from flowers_jax.training.setup import Job
from flowers_jax.training.state import Progress, Tree, split_params

MOST_LISTED = 20


def banner(config: Config, job: Job) -> str:
    """The data, weights, model and devices of the run, and why they were chosen."""
    data, counts = job.dataset, Counter(example.split for example in job.dataset.examples)
    parts = ", ".join(f"{counts[split]} {split}" for split in SPLITS)
    lines = [
        f"run      {job.run.path}" + (f" (resumed at epoch {job.progress.epoch + 1})" if job.progress else ""),
        f"data     {data.name}: {len(data.examples)} photographs, {len(data.classes)} classes ({parts})",
        f"         {data.source}: {data.reason}",
        f"model    {job.description['name']}",
        *(f"         {line}" for line in _trains(job)),
        f"weights  {job.weights.name}",
        f"         {job.weights.reason}",
        f"devices  {len(job.devices)} x {job.devices[0].device_kind}",
        f"memory   {memory.shown(job.decoded_size)} of decoded photographs",
    ]
    lines += [f"skipped  {skipped}" for skipped in data.skipped[:MOST_LISTED]]
    if len(data.skipped) > MOST_LISTED:
        lines.append(f"         and {len(data.skipped) - MOST_LISTED} more; scripts/check.py lists all")
    lines += [f"warning  {remark}" for remark in remarks(config, job)]
    return "\n".join(lines)


def _trains(job: Job) -> list[str]:
    """A table: the parameters of each group, and whether they train in each phase."""
    groups = job.spec.groups
    flat: dict[str, Any] = traverse_util.flatten_dict(job.variables["params"], sep="/")
    sizes: Counter[str] = Counter()
    for path, leaf in flat.items():
        sizes[group_of(groups, path)] += leaf.size
    cells = [["part", "parameters", *(phase.name for phase in job.phases)]]
    for path in sorted(flat, key=lambda path: -layers_above(groups, path)):
        part = group_of(groups, path)
        if part == cells[-1][0]:
            continue
        trains = ("frozen" if is_below(path, phase.frozen) else "trains" for phase in job.phases)
        cells.append([part, f"{sizes[part]:,}", *trains])
    counts = (f"{parameter_counts(job, phase)[0]:,}" for phase in job.phases)
    cells.append(["trainable", f"of {sizes.total():,}", *counts])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(row))
        for row in (list(zip(line, widths, strict=True)) for line in cells)
    ]


def parameter_counts(job: Job, phase: Phase) -> tuple[int, int]:
    """(trainable in the phase, all), without BatchNorm statistics."""
    trainable, _ = split_params(job.variables["params"], phase.frozen)

    def size(tree: Tree) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(tree))

    return size(trainable), size(job.variables["params"])


class Bar:
    """One bar per phase: images per second, time left, the learning rate that the row of `metrics.csv` will have, and
    the best value so far. It prints nothing if there is no terminal.
    """

    def __init__(self, phase: Phase, images: int, progress: Progress, monitor: str):
        self.phase, self.monitor = phase, monitor
        done = progress.phase_epoch * images + progress.sums.examples
        self.bar = tqdm(
            total=phase.epochs * images,
            initial=done,
            unit="img",
            disable=None,
            leave=False,
            dynamic_ncols=True,
            smoothing=0.1,
        )

    def start_epoch(self, progress: Progress) -> None:
        best = f"{progress.best.best:.4f} @ {progress.best_epoch}" if progress.best_epoch else "-"
        number = f"{progress.phase_epoch + 1}/{self.phase.epochs}"
        self.bar.set_description(f"{self.phase.name} {number}", refresh=False)
        rate = self.phase.learning_rate_of(progress)
        self.bar.set_postfix_str(f"lr {rate:.2g}, best {self.monitor} {best}", refresh=False)

    def step(self, examples: int) -> None:
        self.bar.update(examples)

    def epoch_line(self, row: Mapping[str, Any], progress: Progress) -> None:
        mark = " *" if progress.best.improved else ""
        monitored = f"{self.monitor} {row[self.monitor]:.4f}  " if self.monitor not in PLAIN else ""
        tqdm.write(
            f"epoch {row['epoch']:>3} {row['phase']:<8}  train {row['train_loss']:.4f} {row['train_accuracy']:.1%}  "
            f"val {row['val_loss']:.4f} {row['val_accuracy']:.1%}  {monitored}lr {row['learning_rate']:.2g}  "
            f"{row['images_per_second']:.0f} img/s  {row['seconds']:.1f} s{mark}",
            file=sys.stdout,
        )

    def close(self) -> None:
        self.bar.close()


def ending(summary: Mapping[str, Any], print_test: bool = True) -> str:
    parts = [f"model of epoch {summary['model_epoch']}", f"{summary['seconds']:.0f} s"]
    if not summary["test_examples"]:
        parts.insert(0, "no test part")
    elif print_test:
        parts.insert(0, f"test accuracy {summary['test_accuracy']:.1%} on {summary['test_examples']} photographs")
    return f"finished ({summary['stopped_reason']}): {', '.join(parts)}"
