"""An orderly stop: the first SIGINT or SIGTERM is handled, a second one ends the process at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import jax
from jax.experimental import multihost_utils


class Stop(KeyboardInterrupt):
    """`signum` is the signal that arrived, 0 before any."""

    signum: int = 0


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Within this context a signal raises `Stop`; for code that has nothing to save."""

    def leave(signum: int) -> None:
        stop = Stop()
        stop.signum = signum
        raise stop

    with _handled(leave):
        yield


@contextlib.contextmanager
def noted() -> Iterator[Stop]:
    """Within this context a signal sets `stop.signum`, which the loop reads between steps."""
    stop = Stop()

    def note(signum: int) -> None:
        stop.signum = signum
        with contextlib.suppress(OSError):  # the same Ctrl-C may have ended the reader
            # not print, which the signal may have interrupted
            os.write(2, b"\nsaving after this step; a second signal ends the program at once\n")

    with _handled(note):
        yield stop


def preempted(step: int) -> bool:
    """Whether JAX's distributed runtime asks to save after this step, because the machine will be taken away.

    The runtime handles SIGTERM itself, which clusters send as a notice. False if it is not initialised.
    """
    return _jax_listens() and multihost_utils.reached_preemption_sync_point(step)


def _jax_listens() -> bool:
    return jax.distributed.is_initialized() and jax.config.values["jax_enable_preemption_service"]


@contextlib.contextmanager
def _handled(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act(signum)` at the first signal. This does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT] if _jax_listens() else [signal.SIGINT, signal.SIGTERM]
    left = (signal.SIG_IGN, None)  # `train.py &` ignores it; a handler that is not Python's cannot be given back
    numbers = [number for number in numbers if signal.getsignal(number) not in left]
    before = {number: signal.getsignal(number) for number in numbers}

    def first(signum: int, _: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)  # ends the process at once, in compiled code too
        act(signum)

    for number in numbers:
        signal.signal(number, first)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
