"""Plateau, early stopping and best: by hand, and against Keras's own callbacks."""

import math

import pytest

from flowers_jax.training.monitor import BestKeeper, EarlyStopping, Monitor, ReduceLROnPlateau


def play(machine, state, values):
    states = []
    for value in values:
        state = machine.update(state, value)
        states.append(state)
    return states


def test_an_improvement_is_strict_and_more_than_min_delta():
    assert Monitor("min", 0.0).improves(0.9, 1.0) and not Monitor("min", 0.0).improves(1.0, 1.0)
    assert not Monitor("min", 0.5).improves(0.5, 1.0) and Monitor("min", 0.5).improves(0.4, 1.0)
    assert Monitor("max", 0.5).improves(1.6, 1.0) and not Monitor("max", 0.5).improves(1.5, 1.0)
    assert Monitor().improves(5.0, None) and not Monitor().improves(math.nan, None)
    with pytest.raises(ValueError, match="'mean'"):
        Monitor("mean")


def test_plateau_cuts_after_patience_bad_epochs():
    machine = ReduceLROnPlateau(factor=0.5, patience=2, min_delta=0.0)
    states = play(machine, machine.init(1.0), [3, 2, 2, 2, 2, 2, 1])
    assert [s.lr for s in states] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [s.wait for s in states] == [0, 0, 1, 0, 1, 0, 0]


def test_plateau_cooldown_and_floor():
    machine = ReduceLROnPlateau(factor=0.1, patience=1, cooldown=2, min_lr=0.05, min_delta=0.0)
    states = play(machine, machine.init(1.0), [1] * 8)
    assert [s.lr for s in states] == [1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05]


def test_plateau_keeps_float64():
    machine = ReduceLROnPlateau(factor=0.2, patience=0, min_delta=0.0)
    states = play(machine, machine.init(1e-3), [1.0] * 5)
    assert states[-1].lr == 1e-3 * 0.2 * 0.2 * 0.2 * 0.2


def test_stopping_at_the_patience_th_bad_epoch_but_never_the_first():
    machine = EarlyStopping(patience=2)
    assert [s.stop for s in play(machine, machine.init(), [3, 2, 2, 2])] == [False, False, False, True]
    machine = EarlyStopping(patience=0)
    assert [s.stop for s in play(machine, machine.init(), [math.nan, 1, 1])] == [False, False, True]
    machine = EarlyStopping(patience=1, start_from_epoch=2)
    assert [s.stop for s in play(machine, machine.init(), [1, 1, 1, 1])] == [False, False, False, True]


def test_nan_never_becomes_the_best():
    keeper = BestKeeper("max")
    states = play(keeper, keeper.init(), [math.nan, 1, math.nan, 2, 2])
    assert [s.improved for s in states] == [False, True, False, True, False]
    assert states[-1].best == 2
