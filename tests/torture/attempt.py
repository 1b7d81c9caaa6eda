"""One start of a training in a process of its own, which may not end well."""

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from flowers_jax import cli
from flowers_jax.config_types import Config
from flowers_jax.runtime import compilation
from flowers_jax.training.loop import fit
from tests.torture import faults


class Ended(NamedTuple):
    """How a start ended.

    Attributes:
        status: what `os.waitstatus_to_exitcode` says: the exit status, or minus the number of the signal.
        calls: how many calls changed something in the run directory; 0 where it was killed.
    """

    status: int
    calls: int
    seconds: float
    said: str


def attempt(config: Config, run: Path, *, call: int = 0, what: int = 0, kill_after: float = 0.0) -> Ended:
    """Train as `scripts/train.py` would.

    Args:
        call: at which call that changes something `what` happens; 0 for none.
        kill_after: seconds after which SIGKILL comes from outside; 0 for never.
    """
    count = run.with_name(f"{run.name}.calls")
    count.unlink(missing_ok=True)

    def train() -> int:
        compilation.keep_programs()
        faults.arm(run, call, what)
        try:
            cli.run(lambda _: int(not fit(config, run)))
        except SystemExit as left:
            count.write_text(str(faults.calls()))
            return int(left.code or 0)
        raise AssertionError("cli.run exits")

    started = time.monotonic()
    status, said = forked(train, run.with_name(f"{run.name}.log"), kill_after)
    calls = int(count.read_text()) if count.exists() else 0
    return Ended(status, calls, time.monotonic() - started, said)


def forked(work: Callable[[], int], log: Path, kill_after: float = 0.0) -> tuple[int, str]:
    """Do `work` in a fork of this process; how that ended (as `Ended.status`), and what it printed.

    This process must not have used JAX, whose threads a fork would not have; but what it imported need not be
    imported again.
    """
    log.write_bytes(b"")
    child = os.fork()
    if not child:
        _end_as(work, log)
    when = time.monotonic() + kill_after
    while kill_after and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if time.monotonic() > when:
            os.kill(child, signal.SIGKILL)
            break
        time.sleep(0.001)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), log.read_text(errors="replace")


def _end_as(work: Callable[[], int], log: Path) -> NoReturn:
    status = 70
    try:
        output = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(output, stream)
        status = work()
    except BaseException:  # a bug of ours, which the status tells
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(status)
