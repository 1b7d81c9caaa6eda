"""Random metric sequences through Keras's own callbacks and through ours: equal at every epoch.

Keras is given NumPy's float64, which it compares as such on TensorFlow too.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowers_jax import config_types
from flowers_jax.training.monitor import BestKeeper, EarlyStopping, ReduceLROnPlateau
from flowers_jax.training.watch import Watch

START = 0.1


class Sequence(NamedTuple):
    """Settings of the callbacks and what they are shown."""

    mode: str
    min_delta: float
    values: list[float]
    factor: float
    plateau_patience: int
    cooldown: int
    min_lr: float
    stopping_patience: int
    baseline: float | None
    start_from_epoch: int


@st.composite
def sequences(draw: st.DrawFn) -> Sequence:
    """Grids make ties, plateaus and edges of exactly `min_delta`; other numbers are any, infinities among them."""
    eighths = st.integers(-12, 12).map(lambda n: n / 8)
    tenths = st.integers(-9, 9).map(lambda n: n / 10)
    anything = st.floats(allow_nan=False, width=64)
    number = draw(st.sampled_from([eighths, tenths, st.one_of(eighths, anything)]))
    flat = st.tuples(number, st.integers(1, 6)).map(lambda pair: [pair[0]] * pair[1])
    values = [value for run in draw(st.lists(flat, min_size=1, max_size=12)) for value in run]
    return Sequence(
        mode=draw(st.sampled_from(["min", "max"])),
        min_delta=draw(st.sampled_from([0.0, 0.125, 0.1, 0.25, 1e-4])),
        values=values,
        factor=draw(st.sampled_from([0.1, 0.2, 0.5, 0.9])),
        plateau_patience=draw(st.integers(0, 5)),
        cooldown=draw(st.integers(0, 3)),
        min_lr=draw(st.sampled_from([0.0, 1e-3, 0.02, START * 0.2, START])),
        stopping_patience=draw(st.integers(0, 5)),
        baseline=draw(st.one_of(st.none(), number)),
        start_from_epoch=draw(st.integers(0, 3)),
    )


class Optimizer:
    def __init__(self) -> None:
        self.learning_rate = np.float64(START)


class Model:
    """What the callbacks touch of a model. Its weights are the epoch they are of."""

    def __init__(self) -> None:
        self.optimizer = Optimizer()
        self.stop_training = False
        self.weights = [0]

    def get_weights(self) -> list[int]:
        return list(self.weights)

    def set_weights(self, weights: list[int]) -> None:
        self.weights = weights

    def save_weights(self, *_: Any, **__: Any) -> None:
        pass


def equal_at_every_epoch(keras: Any, s: Sequence, folder: str) -> None:
    model = Model()
    plateau = keras.callbacks.ReduceLROnPlateau(
        "m", s.factor, s.plateau_patience, mode=s.mode, min_delta=s.min_delta, cooldown=s.cooldown, min_lr=s.min_lr
    )
    stopping = keras.callbacks.EarlyStopping(
        "m", s.min_delta, s.stopping_patience, mode=s.mode, restore_best_weights=True,
        start_from_epoch=s.start_from_epoch, baseline=None if s.baseline is None else np.float64(s.baseline),
    )  # fmt: skip
    keeper = keras.callbacks.ModelCheckpoint(
        f"{folder}/w.weights.h5", "m", mode=s.mode, save_best_only=True, save_weights_only=True
    )
    ours = ReduceLROnPlateau(s.factor, s.plateau_patience, s.min_delta, s.cooldown, s.min_lr, s.mode)
    our_stopping = EarlyStopping(
        s.stopping_patience, s.min_delta, s.baseline, s.start_from_epoch, s.mode, restore_best=True
    )
    our_keeper = BestKeeper(s.mode)
    rate, stop, best = ours.init(START), our_stopping.init(), our_keeper.init()
    for callback in (plateau, stopping, keeper):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, value in enumerate(map(np.float64, s.values)):
        model.weights = [epoch]
        for callback in (plateau, stopping, keeper):
            callback.on_epoch_end(epoch, {"m": value})
        rate, stop, best = ours.update(rate, value), our_stopping.update(stop, value), our_keeper.update(best, value)
        assert rate.lr == model.optimizer.learning_rate
        assert (rate.wait, rate.cooldown, rate.best) == (plateau.wait, plateau.cooldown_counter, plateau.best)
        assert (stop.wait, stop.stop, stop.best) == (stopping.wait, model.stop_training, stopping.best)
        assert stop.best_epoch == stopping.best_epoch
        assert best.best == keeper.best
        if stop.stop:
            assert stopping.stopped_epoch == epoch
            break
    stopping.on_train_end()
    assert our_stopping.model_epoch(stop) == model.weights[0]


def replay(keras: Any, examples: int, folder: str) -> None:
    check = given(sequences())(lambda sequence: equal_at_every_epoch(keras, sequence, folder))
    settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )(check)()


@pytest.fixture
def keras():
    return pytest.importorskip("keras")


def test_200_sequences_equal_keras(keras, tmp_path):
    replay(keras, 200, str(tmp_path))


@pytest.mark.slow
def test_2000_sequences_equal_keras(keras, tmp_path):
    replay(keras, 2000, str(tmp_path))


@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_is_a_bad_epoch_and_never_the_best(mode):
    """Keras takes a first NaN for the best, after which nothing improves on it."""
    plateau, stopping, keeper = ReduceLROnPlateau(0.5, 2, 0.0, mode=mode), EarlyStopping(3, mode=mode), BestKeeper(mode)
    rate, stop, best = plateau.init(1.0), stopping.init(), keeper.init()
    rates, stops, improved = [], [], []
    for value in (math.nan, 1.0, math.nan, math.nan, 1.0):
        rate, stop, best = plateau.update(rate, value), stopping.update(stop, value), keeper.update(best, value)
        rates.append(rate.lr)
        stops.append(stop.stop)
        improved.append(best.improved)
    assert (rate.best, stop.best, best.best) == (1.0, 1.0, 1.0)
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5] and stops == [False, False, False, False, True]
    assert improved == [False, True, False, False, False]


@given(sequences())
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_the_best_epoch_of_a_run_is_that_of_keras_where_docs_say_so(sequence):
    """`checkpoint.use=best` is `restore_best_weights` of the same metric, without `min_delta` and from the start."""
    metric = "val_loss" if sequence.mode == "min" else "val_accuracy"
    config = config_types.Config(checkpoint=config_types.Checkpoint(monitor=metric))
    _, keeper = Watch.from_config(config, {}).best
    stopping = EarlyStopping(99, mode=sequence.mode, restore_best=True)
    best, best_epoch, state = keeper.init(), 0, stopping.init()
    for epoch, value in enumerate(sequence.values):
        best, state = keeper.update(best, value), stopping.update(state, value)
        best_epoch = epoch if best.improved else best_epoch
    assert best_epoch == stopping.model_epoch(state)
