"""A run that nothing interrupted, and a way to interrupt one."""

import signal

import pytest

from flowers_jax.training.loop import Trainer, fit
from tests.conftest import smoke_config


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run of the smoke config that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    fit(smoke_config(), workdir)
    return workdir


@pytest.fixture
def stop_after(monkeypatch):
    """Deliver a real signal to this process when so many steps of a run are done."""

    def arm(steps: int, signum: int = signal.SIGTERM) -> None:
        done = iter(range(1, 10**6))
        add = Trainer._add

        def counting(self, *args):
            add(self, *args)
            if next(done) == steps:
                signal.raise_signal(signum)

        monkeypatch.setattr(Trainer, "_add", counting)

    return arm
