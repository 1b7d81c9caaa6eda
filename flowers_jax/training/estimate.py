"""How long a run takes here: a few steps of each phase are timed before the first epoch.

The steps run on a copy of the state, so training does not change, and they compile the programs that training uses.
"""

import contextlib
import copy
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import repeat
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jax
import numpy as np

from flowers_jax.augment import stored
from flowers_jax.config_types import Config
from flowers_jax.data.decode import DecodeError, decode_for
from flowers_jax.data.loader import SplitArrays
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.runtime import parallel, processes
from flowers_jax.storage import atomic
from flowers_jax.training import checkpoint
from flowers_jax.training.feed import Feed
from flowers_jax.training.phases import Phase
from flowers_jax.training.setup import Job
from flowers_jax.training.state import Progress, TrainState

MOST_STEPS, ENOUGH_SECONDS = 10, 0.5
"""So many steps are timed after the first one, or fewer in so much time."""

DECODED = 8
"""So many photographs are decoded to time it."""

FORWARD = 1 / 3
"""The share of a training step that a prediction takes: the gradient costs about two predictions more."""


FEW_SECONDS = 10.0
"""Less is not worth a number."""


class Timed(NamedTuple):
    """Seconds of the first step of a phase, which compiles, beyond those of each step."""

    compiling: float
    step: float


def time_steps(step: Callable[..., Any], state: TrainState, feed: Feed, job: Job) -> Timed:
    """Time a compiled step on a copy of `state`; a step takes the memory of the state that it is given."""
    copied = copy.deepcopy(jax.device_get(state))  # which on a CPU are the bytes of the state itself
    state, seconds = parallel.replicate(copied, job.devices), list[float]()
    for same in repeat(feed.given, 1 + MOST_STEPS):
        before = time.monotonic()
        state, _ = jax.block_until_ready(step(state, same))
        seconds.append(time.monotonic() - before)
        if processes.largest(len(seconds) > 1 and sum(seconds[1:]) > ENOUGH_SECONDS):  # all stop at the same step
            break
    usual = median(seconds[1:])
    return Timed(max(0.0, seconds[0] - usual), usual)


def noise(job: Job, count: int) -> SplitArrays:
    """In the shape of photographs that are not decoded yet; a step takes as long on noise."""
    size = stored(job.preprocessing, job.augment).size
    few = np.random.default_rng(0).integers(0, 256, (min(count, DECODED), size, size, 3), np.uint8)
    return SplitArrays(
        np.resize(few, (count, *few.shape[1:])), np.arange(count, dtype=np.int32) % len(job.dataset.classes)
    )


def time_save(job: Job, state: TrainState, phase: Phase, progress: Progress) -> float:
    """Seconds of a checkpoint, in a folder that is removed again. A full disk is told of by the first real one.

    0 with several processes, of which only the first would save here.
    """
    if processes.count() > 1:
        return 0.0
    before = time.monotonic()
    with (
        contextlib.suppress(OSError),
        tempfile.TemporaryDirectory(prefix=atomic.PARTIAL, dir=job.run.path, ignore_cleanup_errors=True) as path,
    ):
        checkpoint.save(Checkpoints(Path(path)), jax.device_get(state), phase.frozen, progress, keep=1)
    return time.monotonic() - before


def seconds_left(
    config: Config, job: Job, progress: Progress, timed: Sequence[Timed], prepared: float, saving: float
) -> float:
    """Seconds from now to the end of the run, if every phase trains to its last epoch.

    Args:
        timed: of the current phase and of those after it.
        prepared: seconds that a training photograph of the current phase took to get ready.
        saving: seconds of a checkpoint.
    """
    count = Counter(example.split for example in job.dataset.examples)
    total, ready, phases = 0.0, prepared, job.phases[progress.phase :]
    for number, (phase, speed) in enumerate(zip(phases, timed, strict=True)):
        epochs = float(phase.epochs)
        if number == 0:
            epochs -= progress.phase_epoch + progress.sums.batches / job.steps_per_epoch
        else:
            ready = decoding(config, job)
            total += ready * count["train"]
        validation = FORWARD * speed.step * count["validation"] / config.batch_size
        saved = 1 / 2 if phase.on_features else 1  # on features mostly the best epochs
        total += epochs * (job.steps_per_epoch * speed.step + validation + saved * saving)
        total += ready * count["validation"] + FORWARD * speed.compiling
    at_the_end = (count["validation"] + count["test"]) / config.batch_size
    return total + ready * count["test"] + FORWARD * timed[-1].step * at_the_end


def decoding(config: Config, job: Job) -> float:
    """Seconds to decode a photograph, on all cores; 0 of one that cannot be read, which is told of when it is used."""
    examples = [example for example in job.dataset.examples if example.split == "train"][:DECODED]
    before = time.monotonic()
    with contextlib.suppress(DecodeError, OSError):
        for example in examples:
            decode_for(job.dataset.read(example.path), stored(job.preprocessing, job.augment), config.data.max_pixels)
        return (time.monotonic() - before) / len(examples) / (config.data.workers or os.cpu_count() or 1)
    return 0.0


def in_words(config: Config, phases: Sequence[Phase], seconds: float) -> str:
    """As `about 6 min`; with `at most` if early stopping may end one of the phases."""
    stopping = config.early_stopping
    about = f"about {_rounded(seconds)}" if seconds >= FEW_SECONDS else "a few seconds"
    if any(phase.epochs > stopping.start_from_epoch + stopping.patience for phase in phases):
        return f"at most {about} (early stopping may end it before)"
    return about


def _rounded(seconds: float) -> str:
    if seconds < 100:
        return f"{round(seconds, -1):.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
