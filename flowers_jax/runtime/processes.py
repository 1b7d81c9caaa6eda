"""Several processes that train together, on one machine or on more, through JAX's distributed runtime.

Every process runs the same program on the same config, so all reach the same exchanges in the same order: whatever one
process alone knows (a clock, a signal, a cache file) is agreed on before it decides anything. The first process writes.
"""

import contextlib
import ctypes
import hashlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax._src import distributed  # gives number and index without starting the backend, and a barrier with a limit
from jax.experimental import multihost_utils

from flowers_jax.errors import TrainingError, UsageError, first_line

LOST = ("Gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "coordination service")
"""Words of the errors of an exchange with a process that has ended."""

LEAVE_TOGETHER_MS = 5000
_telling = threading.Lock()
"""Held from the moment on at which this process says why it ends."""


def count() -> int:
    """How many processes train together."""
    return distributed.global_state.num_processes if jax.distributed.is_initialized() else 1


def index() -> int:
    return distributed.global_state.process_id if jax.distributed.is_initialized() else 0


def is_first() -> bool:
    """Whether this process is the one that writes: logs, the lock, and checkpoints."""
    return index() == 0


def join(coordinator: str | None, processes: int | None, process: int | None, heartbeat: int | None) -> None:
    """Join the others. What is None follows from the environment: JAX knows SLURM, Open MPI, Kubernetes and TPU pods.

    Args:
        heartbeat: seconds without a sign of life after which a process is taken for dead; None: JAX's default.

    Raises:
        UsageError: something is missing and the environment does not say it.
        TrainingError: the others did not come in time.
    """
    given: dict[str, Any] = {} if heartbeat is None else {"heartbeat_timeout_seconds": heartbeat}
    try:
        jax.distributed.initialize(coordinator, processes, process, **given)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"--distributed: the environment does not say it all ({first_line(error)}); give "
            "--coordinator=HOST:PORT --processes=N --process=I"
        ) from error
    except RuntimeError as error:
        raise TrainingError(
            f"--coordinator={coordinator}: the processes did not find each other ({first_line(error)})"
        ) from error


def ended(workdir: str | Path) -> str:
    """What a process says when another one has died."""
    again = f"the same command in every process with --workdir={workdir} goes on from the last checkpoint"
    return f"another process has ended; {again}"


def say_instead_of_abort(workdir: str | Path) -> None:
    """Where another process dies, JAX aborts this one from a thread of its own, with status 134: instead, say how to
    resume, and have status 1. Python's own handlers of signals run too late, because an abort never returns.
    """
    message = f"error: {ended(workdir)}\n".encode("utf-8", "surrogateescape")

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def leave(_: int) -> None:
        if _telling.acquire(blocking=False):
            os.write(2, message)
        else:  # the main thread is about to leave
            time.sleep(2 * LEAVE_TOGETHER_MS / 1000)
        os._exit(1)

    global _handler
    _handler = leave  # C does not keep it
    ctypes.CDLL(None).signal(signal.SIGABRT, leave)


_handler: object = None


def is_loss(error: BaseException) -> bool:
    """Whether an exchange failed because another process has ended; then this process tells of it."""
    failed = isinstance(error, (jax.errors.JaxRuntimeError, ValueError)) and not isinstance(error, UsageError)
    lost = count() > 1 and failed and any(word in str(error) for word in LOST)
    if lost:
        _telling.acquire(blocking=False)
    return lost


def leave(status: int) -> None:
    """End this process without JAX's own shutdown, which aborts where others have ended.

    If all processes leave, they leave together, so none takes another for dead.
    """
    _telling.acquire(blocking=False)
    with contextlib.suppress(Exception):
        distributed.global_state.client.wait_at_barrier("leave", LEAVE_TOGETHER_MS)  # type: ignore[union-attr]
    os._exit(status)


def refuse(what: str) -> None:
    """
    Raises:
        UsageError: there are several processes, and `what` is of one.
    """
    if count() > 1:
        raise UsageError(f"jax.distributed has {count()} processes, but {what} uses one: start a single process")


def wait(name: str) -> None:
    """Wait until all processes are here."""
    if count() > 1:
        multihost_utils.sync_global_devices(name)


def largest(value: int) -> int:
    """The largest value of any process."""
    return int(gathered(np.array(value, np.int32)).max())


def gathered(array: np.ndarray) -> np.ndarray:
    """[...] of every process -> [processes, ...]."""
    if count() == 1:
        return array[None]
    with jax.transfer_guard("allow"):
        return np.asarray(multihost_utils.process_allgather(array))


def of_first(text: str) -> str:
    """The text of the first process, of at most 4096 bytes."""
    if count() == 1:
        return text
    data = np.frombuffer(text.encode("utf-8", "surrogateescape").ljust(4096, b"\0"), np.uint8)
    sent = np.asarray(multihost_utils.broadcast_one_to_all(data)).tobytes()
    return sent.rstrip(b"\0").decode("utf-8", "surrogateescape")


def agree(facts: dict[str, str]) -> None:
    """Compare with the other processes; facts by what they are called in the message.

    Raises:
        UsageError: a process has another one, in every process.
    """
    own = np.stack([np.frombuffer(hashlib.sha256(fact.encode("utf-8", "replace")).digest(), np.uint32)
                    for fact in facts.values()])  # fmt: skip
    every = gathered(own)
    for number, name in enumerate(facts):
        if others := np.flatnonzero((every[:, number] != every[0, number]).any(-1)).tolist():
            raise UsageError(
                f"process {others[0]} of {count()} has another {name} than process 0: start all with the same command"
            )
