"""Stopping in good order: the first SIGINT or SIGTERM is heard, a second one ends the process at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import jax
from jax.experimental import multihost_utils


class Stop(KeyboardInterrupt):
    """`signum` is the signal that arrived, 0 while none has."""

    signum: int = 0


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """While in here, a signal raises `Stop`: where there is nothing to save."""

    def leave(signum: int) -> None:
        stop = Stop()
        stop.signum = signum
        raise stop

    with _handled(leave):
        yield


@contextlib.contextmanager
def noted() -> Iterator[Stop]:
    """While in here, the loop asks `stop.signum` between steps."""
    stop = Stop()

    def note(signum: int) -> None:
        stop.signum = signum
        with contextlib.suppress(OSError):  # whoever read may have ended of the same Ctrl-C
            os.write(2, b"\nsaving after this step; once more ends at once\n")  # print may be what was interrupted

    with _handled(note):
        yield stop


def preempted(step: int) -> bool:
    """Whether JAX's distributed runtime, told that this machine will go away, wants it saved after this step.

    It listens to SIGTERM itself, the notice that clusters give; where it is not initialised the answer is no.
    """
    return _jax_listens() and multihost_utils.reached_preemption_sync_point(step)


def _jax_listens() -> bool:
    return jax.distributed.is_initialized() and jax.config.values["jax_enable_preemption_service"]


@contextlib.contextmanager
def _handled(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act(signum)` at the first signal. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT] if _jax_listens() else [signal.SIGINT, signal.SIGTERM]
    numbers = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # as of `train.py &`
    before = {number: signal.getsignal(number) for number in numbers}

    def first(signum: int, _: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)  # acts at once, within compiled code too
        act(signum)

    for number in numbers:
        signal.signal(number, first)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
