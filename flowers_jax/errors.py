"""The kinds of failure of a command, each with its own exit status (`flowers_jax.cli`), and warnings."""

import difflib
import signal
from collections.abc import Iterable


def first_line(error: BaseException) -> str:
    """The first line of an error of another package, for messages of one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def nearest(name: str, known: Iterable[str], prefix: str = "", *, otherwise: str = "") -> str:
    """The end of a message about an unknown name: `; did you mean NAME?`, or `; ` and `otherwise`.

    Args:
        prefix: stands before the name.
    """
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {prefix}{by_lower[near[0]]}?"
    return f"; {otherwise}" if otherwise else ""


class UsageError(ValueError):
    """A mistake of the caller, detected before work starts: exit status 2, nothing is written."""


class TrainingError(RuntimeError):
    """A failure while running (a loss that is not finite, a missing file): exit status 1."""


class DivergenceError(TrainingError):
    """The loss or the parameters are not finite any more."""


class Interrupted(Exception):  # noqa: N818 (named like KeyboardInterrupt: it is not an error)
    """A signal stopped the training and the state is saved: exit status 128 + signal number."""

    def __init__(self, signum: int, message: str):
        super().__init__(message)
        self.signum = signal.Signals(signum)


class ReportWarning(UserWarning):
    """A picture, a report or an event could not be written; nothing of the run is lost."""


class DamageWarning(UserWarning):
    """A file that a run wrote has changed since, and is not used."""


class ChangedCode(DamageWarning):
    """The code of a run's model, loss or metric differs from the code that the run began with."""
