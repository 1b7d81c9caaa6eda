"""Callbacks see each epoch, may stop the run, and keep their state in the checkpoint."""

import json

import numpy as np
import pytest

from flowers_jax.errors import Interrupted, TrainingError, UsageError
from flowers_jax.training.callbacks import Stop
from flowers_jax.training.loop import fit
from tests.training.runs import rows, timeless


class Seen:
    """Counts the epochs, and stops after one of them."""

    def __init__(self, stop_after: int = 99):
        self.epochs, self.sums, self.stop_after = [], [], stop_after

    def on_epoch_end(self, row, variables):
        self.epochs.append(row["epoch"])
        self.sums.append(float(np.abs(variables["params"]["head"]["kernel"]).sum()))
        return Stop("enough") if row["epoch"] == self.stop_after else None


class Counter(Seen):
    def state_dict(self):
        return {"epochs": self.epochs, "sums": self.sums}

    def load_state_dict(self, state):
        self.epochs, self.sums = list(state["epochs"]), list(state["sums"])


def test_it_sees_every_row_and_the_weights(smoke, tmp_path):
    seen = Seen()
    summary = fit(smoke, tmp_path / "run", callbacks=[seen])
    assert seen.epochs == [1, 2, 3] and len(set(seen.sums)) == 3
    assert summary["stopped_reason"] == "epochs"


def test_it_ends_the_run_with_its_reason(smoke, tmp_path):
    seen = Seen(stop_after=2)
    summary = fit(smoke, tmp_path / "run", callbacks=[seen])
    assert (summary["stopped_reason"], summary["epochs"], seen.epochs) == ("enough", 2, [1, 2])
    assert len(rows(tmp_path / "run")) == 2
    assert fit(smoke, tmp_path / "run", callbacks=[Seen()]) == summary  # the run is complete


def test_its_state_is_that_of_a_run_without_an_interruption(smoke, tmp_path, stop_after):
    """6 steps an epoch: stopped within the second."""
    whole, first, second = Counter(), Counter(), Counter()
    fit(smoke, tmp_path / "whole", callbacks=[Seen(), whole])
    stop_after(9)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "cut", callbacks=[Seen(), first])
    assert first.epochs == [1]
    fit(smoke, tmp_path / "cut", callbacks=[Seen(), second])
    assert second.epochs == [1, 2, 3] and second.sums == whole.sums
    assert timeless(tmp_path / "whole") == timeless(tmp_path / "cut")


def test_a_state_is_not_lost_for_want_of_its_callback(smoke, tmp_path, stop_after):
    stop_after(9)
    with pytest.raises(Interrupted):
        fit(smoke, tmp_path / "run", callbacks=[Counter()])
    with pytest.raises(UsageError, match=r"the run began with 1 callbacks, .* has 0: give the same ones"):
        fit(smoke, tmp_path / "run")
    with pytest.raises(UsageError, match="Seen has no load_state_dict"):
        fit(smoke, tmp_path / "run", callbacks=[Seen()])
    assert fit(smoke, tmp_path / "run", callbacks=[Counter()])["epochs"] == 3


class Broken(Counter):
    def __init__(self, result=None, state=None):
        super().__init__()
        self.result, self.state = result, state

    def on_epoch_end(self, row, variables):
        del row, variables
        return self.result

    def state_dict(self):
        return self.state


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (Broken(result=True), r"Broken\.on_epoch_end returned True: return flowers_jax\.Stop\(\), or None"),
        (Broken(state={"weights": np.ones(2)}), r"Broken\.state_dict\(\) returned what JSON cannot hold"),
        (Broken(state=float("nan")), r"returned what JSON cannot hold"),
    ],
)
def test_a_broken_one_is_one_line(smoke, tmp_path, callback, words):
    with pytest.raises(TrainingError, match=words):
        fit(smoke, tmp_path / "run", callbacks=[callback])
    assert json.loads((tmp_path / "run" / "config.json").read_text())["epochs"] == 3
