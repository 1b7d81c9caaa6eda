"""The training loop. Within an epoch: train, evaluate, monitors, metrics row, save."""

import math
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from flowers_jax import config as config_lib
from flowers_jax import parallel
from flowers_jax.data import augment
from flowers_jax.data.pipeline import Batch, Part, batches, decode_split, epoch_order, in_order
from flowers_jax.errors import Interrupted, TrainingError
from flowers_jax.evaluation import metrics
from flowers_jax.evaluation.predict import make_predictor, predict_all
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training import console, signals
from flowers_jax.training.optim import with_learning_rate
from flowers_jax.training.prepare import Job, prepare, restore
from flowers_jax.training.state import EpochSums
from flowers_jax.training.step import train_step
from flowers_jax.training.summary import summarize
from flowers_jax.training.watch import Watch
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
        summary = trainer.test()
    except KeyboardInterrupt:  # outside the loop, or a second one
        raise Interrupted(signal.SIGINT, trainer.how_to_go_on()) from None
    run.write_summary(summary)
    print(console.ending(summary))
    return summary


def _finished(run: RunDirectory, config: Config) -> dict[str, Any] | None:
    """The summary, unless the run ended at its last epoch and now more are asked for."""
    summary = run.read_summary()
    if summary and summary["stopped_reason"] == "epochs" and config.epochs > summary["epochs"]:
        return None
    return summary


class Trainer:
    """A run between its first and its last step: the compiled steps, the monitors, and the state they move on."""

    def __init__(self, config: Config, job: Job, started: float):
        self.config, self.job = config, job
        self.checkpoints = Checkpoints(job.run.path, config.checkpoint.keep)
        self.watch = Watch.from_config(config)
        self.state = job.state
        self.progress = job.progress or self.watch.start(config.learning_rate)
        self.augment = augment.from_config(config)
        step = partial(
            train_step, module=job.module, optimizer=job.optimizer, preprocessing=job.preprocessing, frozen=job.frozen,
            augment=self.augment, seed=config.seed,
        )  # fmt: skip
        self.train_step = parallel.pmap_step(step, job.devices, donate_state=True)
        self.predict = make_predictor(job.module, job.preprocessing, job.devices)
        self.rows: list[dict[str, Any]] = [*job.run.read_metrics()][: self.progress.epoch]
        self.start = started - self.progress.seconds
        self.last_save = time.monotonic()

    def train(self) -> None:
        """Epochs until the last or until early stopping."""
        self.train_part, self.validation_part = self._decode("train"), self._decode("validation")
        epochs, examples = self.config.epochs, len(self.train_part.labels)
        self.bar = console.Bar(epochs, examples, self.progress, self.config.checkpoint.monitor)
        with signals.noted() as self.stop:
            try:
                while self.progress.epoch < epochs and not self.progress.stopping.stop:
                    self._train_epoch()
                    self._end_epoch()
            finally:
                self.bar.close()

    def test(self) -> dict[str, Any]:
        """The summary, with the accuracy of the run's model on the test part, which is read here and nowhere else."""
        kept = restore(self.checkpoints, self.progress.model_checkpoint, self.state)
        variables = {"params": kept.params, "batch_stats": kept.batch_stats}
        validation_logits = self._logits(variables, self.validation_part)
        test_part = self._decode("test")
        test_logits = self._logits(variables, test_part) if len(test_part.labels) else None
        return summarize(
            self.config, self.job, self.progress, self.rows,
            validation=(validation_logits, self.validation_part.labels),
            test=None if test_logits is None else (test_logits, test_part.labels),
            seconds=time.monotonic() - self.start,
        )  # fmt: skip

    def _train_epoch(self) -> None:
        """Every batch that the epoch still has, one step each."""
        self.bar.start_epoch(self.progress)
        order = epoch_order(len(self.train_part.labels), self.config.seed, self.progress.epoch)
        waiting: list[tuple[float, dict[str, Array]]] = []
        with jax.transfer_guard("disallow"):
            for batch, wait in self._timed(order):
                self.state, sums = self.train_step(self.state, parallel.shard(batch, self.job.devices))
                waiting.append((wait, sums))
                leave, save = self._pause(len(waiting))
                # Reading the sums of the step before, not of this one, keeps the device busy meanwhile.
                while len(waiting) > (0 if save else 1):
                    self._add(*waiting.pop(0))
                if save:
                    self._save()
                if leave:
                    raise Interrupted(self.stop.signum, self.how_to_go_on())
            for values in waiting:
                self._add(*values)

    def _timed(self, order: np.ndarray) -> Iterator[tuple[Batch, float]]:
        """The epoch's remaining batches, each with the seconds that the device would have had to wait for it."""
        part, first = self.train_part, self.progress.sums.batches
        data = batches(part, order, self.config.batch_size, first=first)
        self.mark = time.monotonic()
        while True:
            asked = time.monotonic()
            if (batch := next(data, None)) is None:
                return
            yield batch, time.monotonic() - asked

    def _add(self, wait: float, on_device: dict[str, Array]) -> None:
        """Add a step's sums to the epoch's, and stop if its loss is not finite."""
        step, sums, now = jax.device_get(on_device), self.progress.sums, time.monotonic()
        if not math.isfinite(step["loss"]):
            number = self.progress.epoch * self._steps_per_epoch() + sums.batches + 1
            raise self._not_finite(f"the training loss is {step['loss']} at step {number}")
        sums = EpochSums(
            batches=sums.batches + 1,
            loss=sums.loss + float(step["loss"]),
            correct=sums.correct + int(step["correct"]),
            examples=sums.examples + int(step["examples"]),
            seconds=sums.seconds + now - self.mark,
            data_wait_seconds=sums.data_wait_seconds + wait,
        )
        self.progress, self.mark = replace(self.progress, sums=sums), now
        self.bar.step(int(step["examples"]))

    def _end_epoch(self) -> None:
        """Evaluate, move the monitors on, write the row, save."""
        sums, before = self.progress.sums, time.monotonic()
        variables = {"params": self.state.params, "batch_stats": self.state.batch_stats}
        logits = self._logits(variables, self.validation_part)
        row = {
            "epoch": self.progress.epoch + 1,
            "phase": "head" if self.job.frozen else "train",
            "train_loss": sums.loss / sums.examples,
            "train_accuracy": sums.correct / sums.examples,
            "val_loss": metrics.cross_entropy(logits, self.validation_part.labels),
            "val_accuracy": metrics.accuracy(logits, self.validation_part.labels),
            "learning_rate": self.progress.plateau.lr * float(self.job.schedule(int(self.state.step) - 1)),
            "images_per_second": round(sums.examples / sums.seconds, 2),
            "data_wait_seconds": round(sums.data_wait_seconds, 4),
            "seconds": round(sums.seconds + time.monotonic() - before, 3),
        }
        if not math.isfinite(row["val_loss"]):
            raise self._not_finite(f"the validation loss is {row['val_loss']} after epoch {row['epoch']}")
        self.progress = self.watch.after_epoch(self.progress, row, self.checkpoints.next_number())
        opt_state = with_learning_rate(self.state.opt_state, self.progress.plateau.lr)
        self.state = replace(self.state, opt_state=parallel.replicate(opt_state, self.job.devices))
        self.rows.append(row)
        self.job.run.write_metrics(self.rows)
        self._save()
        self.bar.epoch_line(row, self.progress)
        if self.stop.signum:
            raise Interrupted(self.stop.signum, self.how_to_go_on())

    def _pause(self, unread: int) -> tuple[bool, bool]:
        """(leave, save) within an epoch: on a signal, or after as many steps or minutes as the config says."""
        every_steps, every_minutes = self.config.checkpoint.every_steps, self.config.checkpoint.every_minutes
        batches_done = self.progress.sums.batches + unread
        if batches_done == self._steps_per_epoch():
            return False, False  # the end of the epoch does both
        leave = bool(self.stop.signum)
        steps_are_due = every_steps and batches_done % every_steps == 0
        minutes_are_due = every_minutes and time.monotonic() - self.last_save > 60 * every_minutes
        return leave, bool(leave or steps_are_due or minutes_are_due)

    def _save(self) -> None:
        self.progress = replace(self.progress, seconds=time.monotonic() - self.start)
        state = self.state
        with jax.transfer_guard("allow"):
            params = jax.device_get(state.params)
            if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params)):
                raise self._not_finite(f"parameters are not finite after step {int(state.step)}")
            self.checkpoints.save(
                {"params": state.params, "batch_stats": state.batch_stats},
                {"step": state.step, "opt_state": state.opt_state},
                self.progress.to_json(),
                model_checkpoint=self.progress.model_checkpoint,
            )
        self.last_save = time.monotonic()

    def how_to_go_on(self) -> str:
        """What to tell someone who stopped the run."""
        if not self.checkpoints.latest():
            return "stopped before there was anything to save"
        again = f"the same command with --workdir={self.job.run.path} goes on from here"
        return f"stopped in epoch {self.progress.epoch + 1}, state saved; {again}"

    def _not_finite(self, what: str) -> TrainingError:
        kept = self.checkpoints.latest()
        where = f"checkpoint {kept} in {self.job.run.path} is the last good one" if kept else "nothing was saved yet"
        return TrainingError(f"{what}: try a lower --config.learning_rate than {self.config.learning_rate}; {where}")

    def _steps_per_epoch(self) -> int:
        return -(-len(self.train_part.labels) // self.config.batch_size)

    def _decode(self, split: str) -> Part:
        data, preprocessing = self.config.data, self.job.preprocessing
        return decode_split(
            self.job.dataset, split, augment.stored(preprocessing, self.augment) if split == "train" else preprocessing,
            max_pixels=data.max_pixels, cache=data.cache, workers=data.workers,
        )  # fmt: skip

    def _logits(self, variables: dict[str, Any], part: Part) -> np.ndarray:
        return predict_all(partial(self.predict, variables), in_order(part, self.config.batch_size))
