"""A whole run: prepare, train, test, summarise."""

import signal
import time
from pathlib import Path
from typing import Any

from flowers_jax import config as config_lib
from flowers_jax.errors import Interrupted
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training import console
from flowers_jax.training.prepare import prepare
from flowers_jax.training.trainer import Trainer
from flowers_jax.types import Config


def fit(config: Config, workdir: str | Path) -> dict[str, Any]:
    """Train as `config` says into `workdir`, or go on with the run that is there; returns `summary.json`.

    Raises:
        UsageError: a mistake of the caller's; nothing was written.
        TrainingError: the loss is not finite, or a photograph went away; the last good checkpoint is kept.
        Interrupted: SIGINT or SIGTERM; the state is saved and the same call goes on.
    """
    started = time.monotonic()
    config = config_lib.validate(config)
    run = RunDirectory(workdir)
    begun = run.check(config)
    if begun and (summary := _finished(run, config)):
        print(f"nothing to do, the run is complete. {console.ending(summary)}")
        return summary
    run.check_writable()
    job = prepare(config, run, begun)
    print(console.banner(job), flush=True)
    run.forget_summary()  # of an earlier end, where more epochs are asked for now
    run.write_config(config)
    run.write_model(job.description)
    run.write_splits(job.dataset.examples, job.dataset.classes)
    trainer = Trainer(config, job, started)
    try:
        trainer.train()
        summary, predictions = trainer.test()
    except KeyboardInterrupt:  # outside the loop, or a second one
        raise Interrupted(signal.SIGINT, trainer.how_to_go_on()) from None
    run.write_predictions(predictions)
    run.write_summary(summary)
    print(console.ending(summary))
    return summary


def _finished(run: RunDirectory, config: Config) -> dict[str, Any] | None:
    """The summary, unless the run ended at the last epoch of its last phase and now more are asked for."""
    summary = run.read_summary()
    if summary and summary["stopped_reason"] == "epochs" and config.epochs > summary["phase_epochs"]:
        return None
    return summary
