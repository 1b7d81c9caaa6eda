"""The training loop. In each epoch of a phase: train, evaluate, update the monitors, write the metrics row, save."""

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from flowers_jax import losses, metrics
from flowers_jax.augment import Augment
from flowers_jax.data.decoded_file import DecodedFile
from flowers_jax.data.loader import SplitArrays, batches, epoch_order
from flowers_jax.errors import DivergenceError, Interrupted, TrainingError
from flowers_jax.evaluation.predictions import Predictions, of_logits
from flowers_jax.optimizers import with_learning_rate
from flowers_jax.runtime import parallel, processes, signals
from flowers_jax.runtime.progress import is_quiet, styled
from flowers_jax.training import callbacks, checkpoint, epochs, estimate, feed
from flowers_jax.training.batch_statistics import batch_statistics, statistics_step
from flowers_jax.training.checkpoint import initial_state, restore_variables
from flowers_jax.training.feed import Feed
from flowers_jax.training.phase_data import make_phase_data
from flowers_jax.training.phases import Phase
from flowers_jax.training.reporting import Reporter, tell
from flowers_jax.training.setup import Job
from flowers_jax.training.state import Progress, TrainState, Tree, eval_variables, merge_params, split_params
from flowers_jax.training.step import train_step
from flowers_jax.training.summary import summarize

CALL_SECONDS = 2.5
"""A call of the compiled steps takes about so long; with the one that waits behind it, a signal is answered in twice
the time."""


class Trainer:
    """A run between its first and its last step: the compiled steps, the monitors, and the state."""

    def __init__(self, job: Job, started: float, reporters: Sequence[Reporter] = ()):
        self.config, self.job, self.reporters = job.config, job, reporters
        self.checkpoints = job.checkpoints
        self.watch = job.watch(job.config)
        progress = job.progress or self.watch.start(job.phases[0].learning_rate)
        self.progress = progress.on_devices(len(job.devices))
        self.start = started - self.progress.seconds
        self.on_devices = job.config.data.cache == "device"
        self.train_steps = [self._make_step(phase) for phase in job.phases]  # each compiles when it first runs
        self.step_seconds = 0.0
        self.unwritten: tuple[TrainState, Progress] | None = None
        self.vote = parallel.make_vote(job.devices)
        self.estimated = 0.0

    def train(self) -> None:
        """Train every phase, until its last epoch or until early stopping."""
        if self.progress.rows or (self.job.run.path / "metrics.csv").exists():
            self.job.run.write_metrics(
                self.progress.rows, self.job.columns
            )  # a killed process may have written more rows
        while True:
            self._enter(self.progress.phase)  # everything is saved here, so a signal may end the process
            try:
                with signals.noted() as self.stop:
                    while not self._phase_is_over():
                        self._train_epoch()
                        self._end_epoch()
            finally:
                self._write()
                self.bar.close()
            if signum := processes.largest(self.stop.signum):  # after the last epoch was saved
                raise Interrupted(signum, self.stop_message())
            if self.progress.stop_reason or self.progress.phase + 1 == len(self.job.phases):
                return
            del self.phase_data, self.training  # free its photographs before the next phase decodes its own
            next_phase = self.job.phases[self.progress.phase + 1]
            self.progress = self.watch.next_phase(self.progress, next_phase.learning_rate)

    def test(self) -> tuple[dict[str, Any], Predictions | None]:
        """The summary, and the test photographs, which are read only here."""
        variables = self._kept_variables()
        validation = self.phase_data.logits(variables, "validation")
        temperature = metrics.fit_temperature(*validation)
        paths = [example.path for example in self.job.dataset.examples if example.split == "test"]
        test = self.phase_data.logits(variables, "test") if paths else None
        predictions = of_logits(paths, *test, temperature, self.job.dataset.classes) if test else None
        seconds = time.monotonic() - self.start
        summary = summarize(
            self.config, self.job, self.progress, validation=validation, test=test, predictions=predictions,
            temperature=temperature, seconds=seconds, estimated=self.estimated,
        )  # fmt: skip
        return summary, predictions

    def _enter(self, number: int) -> None:
        """Prepare a phase: resume it, or start it with the model of the phases before."""
        self.phase = phase = self.job.phases[number]
        progress, config = self.progress, self.config
        resumed = progress.phase_epoch or progress.sums.batches
        variables = self._kept_variables() if number and not resumed else self.job.variables
        state = jax.device_get(self._initial_state(variables, phase))
        self.state = parallel.replicate(state, self.job.devices)
        if resumed:
            self.state = checkpoint.restore(self.checkpoints, self.job.checkpoint, self.state, phase.frozen)
        variables, before = jax.device_get(eval_variables(self.state, phase.frozen)), time.monotonic()
        self.phase_data = make_phase_data(config, self.job, phase, variables, self.job.augment)
        self.training = [self._placed(part) for part in self.phase_data.training]
        photographs = len(self.phase_data.training[0].labels)
        self.train_step = self.train_steps[number]
        self.statistics_step = self._make_statistics_step(phase)
        if not self.estimated:
            views = len(self.phase_data.training) * photographs
            self._estimate((time.monotonic() - before) / views)
        self.compared = len(self.job.devices) == 1
        self.bar = epochs.EpochBar(phase, photographs, progress, config.checkpoint.monitor)
        self.last_save = time.monotonic()  # nothing is unsaved yet

    def _estimate(self, prepared: float) -> None:
        """Time steps of the phases that are left, and print how long they take.

        Args:
            prepared: seconds that a training photograph of this phase took to get ready.
        """
        config, job, progress = self.config, self.job, self.progress
        if not is_quiet():
            said = "are compiled and timed: up to a minute for a deep model on a CPU, less in later runs"
            print(styled("steps   ", "bold"), said, flush=True)
        images = self.phase_data.training[0].images
        missing = images.missing if isinstance(images, DecodedFile) else 0
        if missing:  # they are decoded while the first epoch trains
            prepared = estimate.decoding(config, job)
        timed = [estimate.time_steps(self.train_step, self.state, next(self._feeds()), job)]
        photographs = len(self.phase_data.training[0].labels)
        for number, phase in enumerate(job.phases[progress.phase + 1 :], start=progress.phase + 1):
            state = self._initial_state(job.variables, phase)
            part = self._placed(estimate.noise(job, photographs if self.on_devices else config.batch_size))
            first = next(self._feeds_of(part, np.arange(len(part.labels)), 0))
            timed.append(estimate.time_steps(self.train_steps[number], state, first, job))
            del part, first  # before the photographs take this memory
        # An epoch on features takes less than its checkpoint; elsewhere that hardly counts.
        saving = estimate.time_save(job, self.state, self.phase, progress) if self.phase.on_features else 0.0
        left = missing * prepared + estimate.seconds_left(config, job, progress, timed, prepared, saving)
        self.estimated = time.monotonic() - self.start + left
        if not is_quiet():
            print(styled("time    ", "bold"), estimate.in_words(config, job.phases[progress.phase :], left))
            print(epochs.legend(config.checkpoint.monitor, config.checkpoint.use), flush=True)

    def _initial_state(self, variables: Tree, phase: Phase) -> TrainState:
        steps = self.progress.epoch * self.job.steps_per_epoch
        averaged = self.config.optimizer.ema > 0 or phase.eval_params is not None
        return initial_state(variables, phase.optimizer, phase.frozen, step=steps, ema=averaged)

    def _make_step(self, phase: Phase) -> Callable[..., Any]:
        """The training step of a phase on the devices."""
        config = self.config
        step = partial(
            train_step, optimizer=phase.optimizer, batch_norm=phase.batch_norm, loss=self.job.loss,
            label_smoothing=config.loss.label_smoothing, class_weights=self.job.class_weights, ema=config.optimizer.ema,
            accumulate=config.accumulate,
            **self._options(phase),
        )  # fmt: skip
        if self.on_devices:
            return parallel.map_step(feed.several(step), self.job.devices, donate_state=True, divided=feed.DIVIDED)
        return parallel.map_step(step, self.job.devices, donate_state=True)

    def _make_statistics_step(self, phase: Phase) -> Callable[..., Any]:
        """The step that measures batch statistics."""
        step = partial(statistics_step, **self._options(phase))
        return parallel.map_step(step, self.job.devices, donate_state=False)

    def _options(self, phase: Phase) -> dict[str, Any]:
        """What both steps take."""
        return {
            "module": phase.module, "preprocessing": self.job.preprocessing, "frozen": phase.frozen,
            "augment": Augment() if phase.on_features else self.job.augment, "seed": self.config.seed,
            "num_classes": len(self.job.dataset.classes),
        }  # fmt: skip

    def _phase_is_over(self) -> bool:
        progress = self.progress
        return progress.phase_epoch >= self.phase.epochs or progress.stopping.stop or bool(progress.stop_reason)

    def _kept_variables(self) -> Tree:
        """The variables of the run's model so far."""
        like = self.job.variables
        return restore_variables(self.checkpoints, self.progress.model_checkpoint, like, self.job.devices)

    def _train_epoch(self) -> None:
        """Train on every remaining batch of the epoch."""
        self.bar.start_epoch(self.progress)
        waiting: list[tuple[int, float, dict[str, Array]]] = []
        with jax.transfer_guard("disallow"):
            for (given, steps), wait in self._timed():
                self.state, sums = self.train_step(self.state, given)
                self._write()
                if not self.compared:
                    self._compare_devices()
                waiting.append((steps, wait, sums))
                signum, save = self._pause(sum(steps for steps, *_ in waiting))
                # Read the sums of the call before, so that the device stays busy with this one.
                while len(waiting) > (0 if save else 1):
                    self._add(*waiting.pop(0))
                if save:
                    self._save()
                if signum:
                    self._write()
                    raise Interrupted(signum, self.stop_message())
            for values in waiting:
                self._add(*values)

    def _epoch_data(self, views: Sequence[SplitArrays]) -> tuple[SplitArrays, np.ndarray]:
        """The training part of the current epoch, and the order of its rows."""
        part = views[self.progress.phase_epoch % len(views)]
        return part, epoch_order(len(part.labels), self.config.seed, self.progress.epoch)

    def _placed(self, part: SplitArrays) -> SplitArrays:
        return feed.placed(part, self.job.devices) if self.on_devices else part

    def _feeds(self) -> Iterator[Feed]:
        """What is left of the epoch."""
        return self._feeds_of(*self._epoch_data(self.training), self.progress.sums.batches)

    def _feeds_of(self, part: SplitArrays, order: np.ndarray, first: int) -> Iterator[Feed]:
        size, devices = self.config.batch_size, self.job.devices
        if self.on_devices:
            return feed.resident(part, order, size, first, devices, self._most_steps)
        return feed.streamed(part, order, size, first, devices)

    def _most_steps(self, first: int) -> int:
        """The steps of a call that begins with step number `first` of the epoch: until a save is due."""
        every = self.config.checkpoint.every_steps
        fast = int(CALL_SECONDS / self.step_seconds) if self.step_seconds else 1
        return max(1, min(fast, every - first % every if every else fast))

    def _compare_devices(self) -> None:
        """Compare the devices after the first step of a phase; where they differ, each would train its own model."""
        self.compared = True
        if differing := parallel.differing_copies(self.state):
            raise TrainingError(
                f"after a step {differing[0]} differs between the devices: the model must reduce it over the axis "
                f"{parallel.AXIS!r}, as with lax.pmean; --config.devices=1 trains without; {self.failure_message()}"
            )

    def _timed(self) -> Iterator[tuple[Feed, float]]:
        """What is left of the epoch, with the seconds that it took to get it."""
        feeds = self._feeds()
        self.mark = time.monotonic()
        while True:
            asked = time.monotonic()
            if (one := next(feeds, None)) is None:
                return
            yield one, time.monotonic() - asked

    def _add(self, steps: int, wait: float, on_device: dict[str, Array]) -> None:
        """Add the sums of each step of a call to the epoch's, and stop if a loss is not finite."""
        values, sums, now = jax.device_get(on_device), self.progress.sums, time.monotonic()
        every = zip(*(np.ravel(values[name])[:steps].tolist() for name in ("loss", "correct", "examples")), strict=True)
        for loss, correct, examples in every:
            if not math.isfinite(loss):
                number = self.progress.epoch * self.job.steps_per_epoch + sums.batches + 1
                raise self._not_finite(f"the training loss is {loss} at step {number}")
            sums = replace(
                sums, batches=sums.batches + 1, loss=sums.loss + loss, correct=sums.correct + correct,
                examples=sums.examples + examples,
            )  # fmt: skip
        seconds, before = now - self.mark, self.progress.sums
        sums = replace(sums, seconds=before.seconds + seconds, data_wait_seconds=before.data_wait_seconds + wait)
        self.progress, self.mark, self.step_seconds = replace(self.progress, sums=sums), now, seconds / steps
        self.bar.step(sums.examples - before.examples)

    def _end_epoch(self) -> None:
        """Evaluate, update the monitors, write the row, and save if it is due."""
        sums, before = self.progress.sums, time.monotonic()
        if self.phase.eval_params:
            self._average_over_steps(self.phase.eval_params)
        variables = eval_variables(self.state, self.phase.frozen)
        logits, labels = self.phase_data.logits(variables, "validation")
        row = {
            "epoch": self.progress.epoch + 1,
            "phase": self.phase.name,
            "train_loss": sums.loss / sums.examples,
            "train_accuracy": sums.correct / sums.examples,
            "val_loss": losses.of_logits(self.job.loss, logits, labels),
            "val_accuracy": metrics.accuracy(logits, labels),
            "learning_rate": self.phase.learning_rate_of(self.progress),
            "images_per_second": round(sums.examples / sums.seconds, 2),
            "data_wait_seconds": round(sums.data_wait_seconds, 4),
            "seconds": round(sums.seconds + time.monotonic() - before, 3),
            **{column: float(metric.function(logits, labels)) for column, metric in self.job.columns.items()},
        }
        if not math.isfinite(row["val_loss"]):
            raise self._not_finite(f"the validation loss is {row['val_loss']} after epoch {row['epoch']}")
        self.progress = self.watch.after_epoch(self.progress, row)
        reason = callbacks.after_epoch(self.job.callbacks, row, variables)
        states = callbacks.states(self.job.callbacks)
        self.progress = replace(self.progress, stop_reason=reason, callbacks=states)
        opt_state = with_learning_rate(self.state.opt_state, self.progress.plateau.lr)
        self.state = replace(self.state, opt_state=parallel.replicate(opt_state, self.job.devices))
        self.job.run.write_metrics(self.progress.rows, self.job.columns)
        if is_saved := bool(processes.largest(self._epoch_is_due())):
            self._save_epoch()
        try:
            self.bar.epoch_line(row, self.progress)
            tell(self.reporters, "epoch", self.progress.rows)
        finally:  # the same Ctrl-C may have ended the reader of the line
            if signum := processes.largest(self.stop.signum):
                if not is_saved:
                    self._save_epoch()
                self._write()
                raise Interrupted(signum, self.stop_message())

    def _average_over_steps(self, eval_params: Callable[[Any, Any], Any]) -> None:
        """Make the weights that predict, and batch statistics of their own, the moving average of the state."""
        trainable, fixed = split_params(self.state.params, self.phase.frozen)
        average, fixed = jax.device_get((eval_params(self.state.opt_state, trainable), fixed))
        statistics = jax.device_get(self.state.batch_stats)
        if statistics and self.phase.batch_norm == "batch":
            variables = {"params": merge_params(average, fixed), "batch_stats": statistics}
            own = parallel.own_rows(self.job.devices, self.config.batch_size)
            data = batches(*self._epoch_data(self.phase_data.training), self.config.batch_size, own=own)
            statistics = batch_statistics(self.statistics_step, variables, data, int(self.state.step), self.job.devices)
        average = {"params": average, "batch_stats": statistics}
        self.state = replace(self.state, ema=parallel.replicate(average, self.job.devices))

    def _pause(self, unread: int) -> tuple[int, bool]:
        """(signal to leave on, save) within an epoch: after a signal, or the steps or minutes of `config.checkpoint`.

        Of several processes all are told what one of them has noticed, at the step after.
        """
        every_steps, every_minutes = self.config.checkpoint.every_steps, self.config.checkpoint.every_minutes
        batches_done = self.progress.sums.batches + unread
        if signals.preempted(self.progress.epoch * self.job.steps_per_epoch + batches_done):
            self.stop.signum = signal.SIGTERM
        if batches_done == self.job.steps_per_epoch:
            return 0, False  # the end of the epoch does both
        steps_are_due = every_steps and batches_done % every_steps == 0
        minutes_are_due = every_minutes and time.monotonic() - self.last_save > 60 * every_minutes
        with jax.transfer_guard("allow"):
            signum, minutes_are_due = self.vote(int(self.stop.signum), int(minutes_are_due))
        return signum, bool(signum or steps_are_due or minutes_are_due)

    def _epoch_is_due(self) -> bool:
        return checkpoint.is_due(
            self.progress, on_features=self.phase.on_features, is_last=self._phase_is_over(),
            is_best=self.watch.use_best and self.progress.best.improved,
            every_steps=self.config.checkpoint.every_steps, seconds=time.monotonic() - self.last_save,
            stop=bool(self.stop.signum),
        )  # fmt: skip

    def _save_epoch(self) -> None:
        self.progress = self.watch.saved(self.progress, self.checkpoints.next_number())
        self._save()

    def _save(self) -> None:
        """Copy state and progress; `_write` makes a checkpoint of them while the devices make the next steps."""
        self.last_save = time.monotonic()
        self.progress = replace(self.progress, seconds=self.last_save - self.start)
        with jax.transfer_guard("allow"):
            state = jax.tree.map(np.array, jax.device_get(self.state))  # on a CPU the next step would take its memory
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.params, state.batch_stats, state.ema))):
            raise self._not_finite(f"parameters or statistics are not finite after step {int(state.step)}")
        self.unwritten = state, self.progress

    def _write(self) -> None:
        """Write the checkpoint that waits, if there is one."""
        if self.unwritten:
            (state, progress), self.unwritten = self.unwritten, None
            checkpoint.save(self.checkpoints, state, self.phase.frozen, progress, self.config.checkpoint.keep)

    def stop_message(self) -> str:
        """The message after the run was stopped."""
        if not self.checkpoints.latest():
            return "stopped before there was anything to save"
        epoch, within = self.progress.epoch, self.progress.sums.batches
        where = f"in epoch {epoch + 1}" if within else f"after epoch {epoch}"
        return f"stopped {where}, state saved; the same command with --workdir={self.job.run.path} goes on from here"

    def failure_message(self) -> str:
        """The end of a failure message: what is saved."""
        kept = self.checkpoints.latest()
        again = f"the same command with --workdir={self.job.run.path} goes on from checkpoint {kept}, the last good one"
        return again if kept else "nothing was saved yet"

    def _not_finite(self, what: str) -> DivergenceError:
        lower = f"try a lower --config.learning_rate than {self.config.learning_rate}"
        return DivergenceError(f"{what}: {lower}; {self.failure_message()}")
