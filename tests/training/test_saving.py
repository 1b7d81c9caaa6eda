"""Which epochs of a run on kept features are saved, and that nothing is lost where one was not."""

import signal

import pytest

from flowers_jax.errors import Interrupted
from flowers_jax.evaluation import trained_model
from flowers_jax.models import is_outside
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training import checkpoint, epochs
from flowers_jax.training.loop import fit
from flowers_jax.training.monitor import PlateauState
from flowers_jax.training.state import Progress
from flowers_jax.training.trainer import Trainer
from tests.torture.outcome import differences
from tests.training.runs import rows, state_bytes, timeless

WITHOUT = {
    "on_features": True, "is_last": False, "is_best": False, "every_steps": 0, "seconds": 10.0, "stop": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "reason",
    [
        {"on_features": False},
        {"is_last": True},
        {"is_best": True},
        {"every_steps": 9},
        {"seconds": 10.1},
        {"stop": True},
    ],
    ids=str,
)
def test_each_reason_is_one(reason):
    progress = Progress(PlateauState(1.0), epoch=10, phase_epoch=4)
    assert not checkpoint.is_due(progress, **WITHOUT)
    assert checkpoint.is_due(progress, **WITHOUT | reason)
    assert checkpoint.is_due(Progress(PlateauState(1.0), epoch=11, phase_epoch=5), **WITHOUT)


@pytest.fixture
def last(on_features, monkeypatch):
    """Seven epochs, of which the model is the last, and every checkpoint is kept."""
    monkeypatch.setattr(checkpoint, "SECONDS", 600.0)  # of a slow machine too
    on_features.epochs, on_features.checkpoint.use, on_features.checkpoint.keep = 7, "last", 99
    return on_features


@pytest.fixture(scope="module")
def runs():
    """What the tests of this module have run to its end, by the network."""
    return {}


@pytest.fixture
def seven(last, runs, network, tmp_path_factory):
    """A run of `last` that nothing interrupted."""
    if network not in runs:
        runs[network] = tmp_path_factory.mktemp("seven") / "run"
        fit(last, runs[network])
    return runs[network]


def saved(run):
    """(epochs, batches of the next, the model's epoch, its checkpoint) of each checkpoint."""
    checkpoints = Checkpoints(run)
    found = [checkpoints.progress(number) for number in range(1, checkpoints.next_number())]
    return [(p["epoch"], p["sums"]["batches"], p["model_epoch"], p["model_checkpoint"]) for p in found]


def test_the_fifth_epoch_and_the_last_are_saved(seven):
    assert saved(seven) == [(5, 0, 5, 1), (7, 0, 7, 2)]


def test_each_best_epoch_is_saved_where_it_is_the_model(last, tmp_path):
    last.checkpoint.use, last.checkpoint.monitor, last.learning_rate = "best", "val_accuracy", 0.3
    fit(last, tmp_path / "run")
    accuracies = [float(row["val_accuracy"]) for row in rows(tmp_path / "run")]
    best = {
        number + 1 for number, accuracy in enumerate(accuracies) if accuracy > max(accuracies[:number], default=-1.0)
    }
    assert {epoch for epoch, *_ in saved(tmp_path / "run")} == best | {5, 7} < set(range(1, 8))
    assert saved(tmp_path / "run")[-1][2] == 1 + accuracies.index(max(accuracies))


def test_an_early_stop_is_saved(last, tmp_path):
    last.early_stopping.patience, last.early_stopping.min_delta = 3, 100.0
    assert fit(last, tmp_path / "run")["stopped_reason"] == "early_stopping"
    assert saved(tmp_path / "run") == [(4, 0, 4, 1)]


class Killed(BaseException):
    """In place of SIGKILL, which would end the tests."""


def at_the_line_of(epoch, act, monkeypatch):
    """Act as the line of an epoch is printed."""
    real = epochs.EpochBar.epoch_line

    def acting(self, row, done):
        if row["epoch"] == epoch:
            act()
        real(self, row, done)

    monkeypatch.setattr(epochs.EpochBar, "epoch_line", acting)


@pytest.mark.parametrize("epoch", [2, 6])
def test_a_kill_after_an_epoch_that_was_not_saved(last, seven, tmp_path, monkeypatch, epoch):
    """It costs the way from the checkpoint before, and no more."""

    def die():
        raise Killed

    with monkeypatch.context() as doomed, pytest.raises(Killed):
        at_the_line_of(epoch, die, doomed)
        fit(last, tmp_path / "cut")
    assert len(rows(tmp_path / "cut")) == epoch and len(saved(tmp_path / "cut")) == epoch // 5
    fit(last, tmp_path / "cut")
    assert differences(seven, tmp_path / "cut") == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_after_an_epoch_that_was_not_saved_saves_it(last, seven, tmp_path, monkeypatch, signum):
    with monkeypatch.context() as interrupted, pytest.raises(Interrupted, match="stopped after epoch 2, state saved"):
        at_the_line_of(2, lambda: signal.raise_signal(signum), interrupted)
        fit(last, tmp_path / "cut")
    assert saved(tmp_path / "cut") == [(2, 0, 2, 1)]
    fit(last, tmp_path / "cut")
    assert saved(tmp_path / "cut") == [(2, 0, 2, 1), (5, 0, 5, 2), (7, 0, 7, 3)]
    assert timeless(seven) == timeless(tmp_path / "cut") and state_bytes(seven) == state_bytes(tmp_path / "cut")


def test_within_an_epoch_the_model_is_the_one_that_was_saved(last, seven, tmp_path, stop_after):
    """Not that of the epoch before, which was not saved, and not that of the middle of an epoch."""
    stop_after(6 * 6 + 2)  # of which the device is two ahead
    with pytest.raises(Interrupted, match="stopped in epoch 7, state saved"):
        fit(last, tmp_path / "cut")
    assert saved(tmp_path / "cut") == [(5, 0, 5, 1), (6, 4, 5, 1)]
    assert Checkpoints(tmp_path / "cut").usable() == (2, 1)
    trained_model.load(str(tmp_path / "cut"), code=last.model.name if is_outside(last.model.name) else "")
    fit(last, tmp_path / "cut")
    assert timeless(seven) == timeless(tmp_path / "cut") and state_bytes(seven) == state_bytes(tmp_path / "cut")


def test_every_steps_saves_every_epoch(last, tmp_path):
    last.checkpoint.every_steps, last.epochs = 4, 2
    fit(last, tmp_path / "run")
    assert [(epoch, batches) for epoch, batches, *_ in saved(tmp_path / "run")] == [(0, 4), (1, 0), (1, 4), (2, 0)]


def test_the_devices_make_the_next_step_while_a_checkpoint_is_written(smoke, tmp_path, monkeypatch):
    """But the last one, after which there is none."""
    ahead, write = [], Trainer._write

    def writing(self):
        if self.unwritten:
            ahead.append(int(self.state.step) - int(self.unwritten[0].step))
        write(self)

    monkeypatch.setattr(Trainer, "_write", writing)
    smoke.epochs, smoke.checkpoint.every_steps = 2, 4
    fit(smoke, tmp_path / "run")
    assert ahead == [1, 1, 1, 0]
