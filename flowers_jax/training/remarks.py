"""Warnings at the start of a run: they do not stop it, but they change how to read its result."""

from collections import Counter
from collections.abc import Iterator

from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.split import SPLITS, without_photographs
from flowers_jax.metrics.intervals import wilson
from flowers_jax.runtime.terminal import shown
from flowers_jax.training.setup import Job
from flowers_jax.training.state import split_params

MOST_NAMED = 20

MOST_UNEQUAL = 3
"""Times that the largest class may be as large as the smallest one."""

WIDEST = 0.1
"""Of an interval of the test accuracy: 140 photographs have it."""


def on_photographs(config: Config, dataset: Dataset) -> Iterator[str]:
    """The warnings of the photographs, one line each."""
    yield from map(str, dataset.remarks)
    for part in SPLITS:
        if missing := without_photographs(dataset.examples, dataset.classes, part):
            names = ", ".join(missing[:MOST_NAMED]) + (", ..." if len(missing) > MOST_NAMED else "")
            yield shown(f"{part} has no photograph of these classes, and its figures leave them out: {names}")
    yield from balance_remarks(config, dataset)
    yield from size_remarks(sum(example.split == "test" for example in dataset.examples))


def balance_remarks(config: Config, dataset: Dataset) -> Iterator[str]:
    """Warn if the largest class outweighs the smallest one in training, and nothing is done about it."""
    ranked = Counter(example.label for example in dataset.examples if example.split == "train").most_common()
    (large, most), (small, least) = ranked[0], ranked[-1]
    if most > MOST_UNEQUAL * least and config.loss.class_weights == "none":
        yield shown(
            f"{dataset.classes[large]} has {most:,} training photographs and {dataset.classes[small]} {least:,}: "
            "--config.loss.class_weights=balanced weighs classes alike"
        )


def size_remarks(test: int) -> Iterator[str]:
    """Warn if the accuracy on the test photographs tells little."""
    low, high = wilson(round(0.9 * test), test)
    if test and high - low > WIDEST:
        yield (
            f"{test:,} test photographs tell little: the 95 % interval of an accuracy of 90 % on them is {low:.0%} to "
            f"{high:.0%}"
        )


def on_training(config: Config, job: Job) -> Iterator[str]:
    """The other warnings, one line each."""
    yield from _device_remarks(job)
    if job.phases[0].frozen and job.weights.name == "none":
        yield "the frozen backbone has random weights; give --config.model.weights or --config.model.freeze"
    yield from schedule_remarks(config)
    yield from stage_remarks(config)
    yield from accumulation_remarks(config, job)


def accumulation_remarks(config: Config, job: Job) -> Iterator[str]:
    """Warn if BatchNorm sees parts of a batch only."""
    statistics = job.variables.get("batch_stats", {})
    if config.accumulate > 1 and any(
        phase.batch_norm == "batch" and split_params(statistics, phase.frozen)[0] for phase in job.phases
    ):
        yield (
            f"--config.accumulate={config.accumulate}: BatchNorm takes the statistics of "
            f"{config.batch_size // config.accumulate} photographs in training, not of {config.batch_size}"
        )


def _device_remarks(job: Job) -> Iterator[str]:
    now, counts = len(job.devices), job.progress.device_counts if job.progress else ()
    if others := [str(count) for count in counts if count != now]:
        before = " and ".join(others)
        yield f"{now} devices in place of {before}: the result is equal up to rounding, no longer to the bit"


def schedule_remarks(config: Config) -> Iterator[str]:
    """Warn if the epochs end before `config.schedule`. This is common with `--config.epochs=1`, so it is allowed."""
    epochs, schedule = config.epochs, config.schedule
    if schedule.warmup_epochs > epochs:
        yield (
            f"--config.schedule.warmup_epochs={schedule.warmup_epochs}: training ends after epoch {epochs}, at "
            f"{epochs / schedule.warmup_epochs:.2f} of the learning rate"
        )
    if 0 < schedule.epochs <= schedule.warmup_epochs:
        yield (
            f"--config.schedule.epochs={schedule.epochs}: the cosine ends before the warm-up of "
            f"{schedule.warmup_epochs} epochs"
        )
    if late := [boundary for boundary in schedule.boundaries if boundary >= epochs]:
        yield f"--config.schedule.boundaries: {epochs} epochs end before {', '.join(map(str, late))}"


def stage_remarks(config: Config) -> Iterator[str]:
    """Warn if the metric that chooses the best epoch has a different meaning in each of two stages."""
    monitor = config.checkpoint.monitor
    if config.transfer.epochs and config.checkpoint.use == "best" and monitor.startswith("train_"):
        yield (
            f"--config.checkpoint.monitor={monitor}: the two stages train on different data, so their figures are "
            "not comparable; give a val_ metric"
        )
