"""Warnings at the start of a run: they do not stop it, but they change how to read its result."""

from collections.abc import Iterator

from flowers_jax.config_types import Config
from flowers_jax.data.split import SPLITS, without_photographs
from flowers_jax.runtime.terminal import shown
from flowers_jax.training.setup import Job

MOST_NAMED = 20


def remarks(config: Config, job: Job) -> Iterator[str]:
    """The warnings, one line each."""
    yield from map(str, job.dataset.remarks)
    for part in SPLITS:
        if missing := without_photographs(job.dataset.examples, job.dataset.classes, part):
            names = ", ".join(missing[:MOST_NAMED]) + (", ..." if len(missing) > MOST_NAMED else "")
            yield shown(f"{part} has no photograph of these classes, and its figures leave them out: {names}")
    yield from _device_remarks(job)
    if job.phases[0].frozen and job.weights.name == "none":
        yield "the frozen backbone has random weights; give --config.model.weights or --config.model.freeze"
    yield from schedule_remarks(config)
    yield from stage_remarks(config)


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
