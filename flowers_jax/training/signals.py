"""Stopping in good order: the first SIGINT or SIGTERM is noted, a second one acts as always."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """`signum` is the signal that arrived, 0 while none has."""

    signum: int = 0


@contextmanager
def noted() -> Iterator[Stop]:
    """While in here, the loop asks `stop.signum` between steps. Does nothing outside the main thread."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(signum: int, _: FrameType | None) -> None:
        stop.signum = signum
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
