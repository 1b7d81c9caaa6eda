"""A whole run: prepare, train, test, write the summary."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import optax
from ml_collections import ConfigDict

from flowers_jax import config as config_lib
from flowers_jax.augment import Augmentation
from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset, identity
from flowers_jax.errors import Interrupted, TrainingError, UsageError, first_line
from flowers_jax.losses import Loss
from flowers_jax.metrics import Metric
from flowers_jax.optimizers import Optimizer
from flowers_jax.run import lock
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import processes, progress, signals
from flowers_jax.training import banner, ending
from flowers_jax.training.callbacks import Callback
from flowers_jax.training.given import Given, collect
from flowers_jax.training.reporting import Reporter, tell
from flowers_jax.training.setup import Job, prepare
from flowers_jax.training.trainer import Trainer


def fit(
    config: Config | ConfigDict,
    workdir: str | Path,
    *,
    data: Dataset | None = None,
    optimizer: str | Optimizer | optax.GradientTransformation | None = None,
    loss: str | Loss | Callable[..., Any] | None = None,
    augment: str | Augmentation | Callable[..., Any] | None = None,
    metrics: str | Sequence[str | Metric] | Mapping[str, Callable[..., float]] | None = None,
    callbacks: Sequence[Callback] = (),
    print_test: bool = True,
    reporters: Sequence[Reporter] = (),
) -> dict[str, Any]:
    """Train with `config` in `workdir`, or resume the run there; returns the content of `summary.json`.

    Within `jax.distributed` every process makes the same call, with a `workdir` on a disk that all share. The first one
    prints, reports and writes; callbacks see the epochs in every process, and all must return the same.

    Every other argument replaces what the config names; `config.json` then says so. A run that was given objects is
    resumed with the same objects.

    Args:
        data: in place of `config.data.name`, `dir` and `csv`.
        optimizer: a name, or any optax transformation. Plateau, schedule and rates by layer multiply its updates, and
            `learning_rate` in `metrics.csv` is that factor; `config.learning_rate` is not used.
        loss: a name, or a function of logits and targets, float32 [B, classes], to losses [B].
        augment: a name, or a function of a key and an image, float32 [H, W, 3] in 0..255, to an image.
        metrics: names and `Metric`s, or functions of logits [N, classes] and labels [N] by name of which more is
            better: in each epoch, as `val_NAME`.
        callbacks: see `training.callbacks`.
        print_test: the output ends with the test accuracy, and what to do next.
        reporters: see `training.reporting`.

    Raises:
        UsageError: a mistake of the caller; nothing was written.
        TrainingError: the loss is not finite, the disk is full, or a photograph is missing; the last good checkpoint
            is kept.
        Interrupted: SIGINT or SIGTERM; the state is saved and the same call resumes.
    """
    started = time.monotonic()
    config, given = collect(
        config_lib.validate(config),
        data=data, optimizer=optimizer, loss=loss, augment=augment, metrics=metrics, callbacks=callbacks,
    )  # fmt: skip
    run = RunDirectory(processes.of_first(str(workdir)))
    try:
        with progress.silent(not processes.is_first()):
            return _fit(config, run, given, started, print_test, reporters if processes.is_first() else ())
    except (ValueError, RuntimeError) as error:
        if processes.is_loss(error):
            raise TrainingError(processes.ended(run.path)) from error
        raise


def _fit(
    config: Config, run: RunDirectory, given: Given, started: float, print_test: bool, reporters: Sequence[Reporter]
) -> dict[str, Any]:
    begun, first = run.check(config), processes.is_first()
    summary = _finished(run, config) if begun else None
    processes.agree({"config": str(config), "content in --workdir (do all share its disk?)": f"{begun} {summary}"})
    if summary:
        as_given = " with the objects that it was given then" if given != Given() else ""
        ending.show_result(run, summary, print_test, f"nothing to do, the run is complete{as_given}. ")
        if print_test:
            ending.show_next(run, config, summary)
        return summary
    if first:
        run.check_writable()
    with contextlib.ExitStack() as held, signals.raised():
        try:
            if begun:
                held.enter_context(lock.owned(run.path))
            job = prepare(config, run, begun, given, banner.show_photographs)
            processes.agree({"set of photographs": str(identity(job.dataset)), "checkpoint": str(job.checkpoint)})
            banner.show_model(config, job)
            if not begun:
                held.enter_context(lock.owned(run.path))
                if first and run.check(config):
                    raise UsageError(f"--workdir={run.path}: a run began there meanwhile; give another")
        except signals.Stop as stop:
            again = f"; the same command with --workdir={run.path} goes on" if begun else ""
            raise Interrupted(stop.signum, f"stopped before there was anything to save{again}") from None
        summary = _train(config, job, begun, started, reporters)
        ending.show_result(run, summary, print_test)
        try:
            tell(reporters, "end", summary)
        except signals.Stop as stop:
            raise Interrupted(stop.signum, f"the run is complete; its report is not: {run.path}") from None
        if print_test:
            ending.show_next(run, config, summary)
        return summary


def _train(config: Config, job: Job, begun: bool, started: float, reporters: Sequence[Reporter]) -> dict[str, Any]:
    """Everything that writes, but what reporters write of a run that is complete."""
    run = job.run
    trainer = Trainer(job, started, reporters)
    try:
        run.clear_partial()
        job.checkpoints.keep_until(job.checkpoint, config.checkpoint.keep)
        run.forget_summary()  # a finished run may continue with more epochs
        run.write_config(config, identity(job.dataset))
        if not job.checkpoint:
            run.write_model(job.description)  # again, because the weights file may have changed
        if not begun:
            run.write_splits(job.dataset.examples, job.dataset.classes)
        tell(reporters, "begin", config, job, trainer.progress.rows)
        trainer.train()
        summary, predictions = trainer.test()
        run.write_predictions(predictions.rows() if predictions else [])
        run.write_summary(summary)
        processes.wait("summary")
    except signals.Stop as stop:
        raise Interrupted(stop.signum, trainer.stop_message()) from None
    except UsageError as error:  # files are written already, so it is not a usage error any more
        raise TrainingError(str(error)) from error
    except OSError as error:
        raise TrainingError(f"{error}; {trainer.failure_message()}") from error
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        photographs = ", or --config.data.cache=memory" if trainer.on_devices else ""
        raise TrainingError(
            f"the device has too little memory ({first_line(error)}): give a larger --config.accumulate than "
            f"{config.accumulate}, which divides the batch, or a smaller --config.batch_size than {config.batch_size}"
            f"{photographs}; {trainer.failure_message()}"
        ) from error
    return summary


def _finished(run: RunDirectory, config: Config) -> dict[str, Any] | None:
    """The summary, unless the run ended at its last epoch and the config now has more epochs."""
    summary = run.read_summary()
    if summary and summary["stopped_reason"] == "epochs" and config.epochs > summary["phase_epochs"]:
        return None
    return summary
