"""What the messages of a run say where the run belongs to a study: the study's own flag, which its user gave."""

import contextlib
from collections.abc import Iterator

from flowers_jax.errors import Interrupted, TrainingError, UsageError
from flowers_jax.run.directory import RunDirectory


@contextlib.contextmanager
def named(name: str, run: RunDirectory, flag: str, study: RunDirectory) -> Iterator[None]:
    """Begin the message of an error with `name`, and give `flag=STUDY` where the run says `--workdir=RUN`."""
    again = f"{flag}={study.path}"

    def told(error: Exception) -> str:
        return f"{name}: {error}".replace(f"--workdir={run.path}", again).replace("--workdir", flag)

    try:
        yield
    except Interrupted as stop:
        text = told(stop)
        more = "" if again in text else f"; the same command with {again} goes on"
        raise Interrupted(stop.signum, text + more) from None
    except (UsageError, TrainingError) as error:
        raise type(error)(told(error)) from error
