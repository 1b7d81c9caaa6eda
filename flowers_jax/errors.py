"""The three ways a command ends other than well, each with its own exit status (`flowers_jax.cli`), and a warning."""

import signal


def first_line(error: BaseException) -> str:
    """What other people's errors say, for messages of one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


class UsageError(ValueError):
    """A mistake of the caller's, seen before work starts: exit status 2, nothing written."""


class TrainingError(RuntimeError):
    """A failure while running (a loss that is not finite, a lost file): exit status 1."""


class Interrupted(Exception):  # noqa: N818 (named as KeyboardInterrupt is: it is no error)
    """Training stopped by a signal with its state saved: exit status 128 + signal number."""

    def __init__(self, signum: int, message: str):
        super().__init__(message)
        self.signum = signal.Signals(signum)


class DamageWarning(UserWarning):
    """Something that a run wrote is not as it was written, and is not used."""


class ChangedCode(DamageWarning):
    """A run's model is built with other code than it was trained with."""
