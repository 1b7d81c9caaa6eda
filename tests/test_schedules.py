"""Schedules by hand, and how they compose with the host's rate and with rates by layer."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.optimizers import find, make_optimizer, with_learning_rate
from flowers_jax.schedules import make_schedule


def schedule(steps_per_epoch: int = 10, **keys: object):
    changes = {"epochs": 4} | {f"schedule.{key}": value for key, value in keys.items()}
    return make_schedule(config_lib.replace(Config(), changes), steps_per_epoch)


def values(made, steps) -> list[float]:
    return [float(made(step)) for step in steps]


def test_constant_is_exactly_one():
    assert values(schedule(), (0, 1, 999)) == [1, 1, 1]


def test_cosine_falls_over_the_epochs_after_the_warm_up():
    made = schedule(name="cosine", warmup_epochs=1.0, final=0.1)
    warm = [(step + 1) / 10 for step in range(10)]
    np.testing.assert_allclose(values(made, range(10)), warm, rtol=1e-6)
    halves = [0.1 + 0.9 * (1 + math.cos(math.pi * done / 30)) / 2 for done in (0, 15, 29, 30, 99)]
    expected = [*halves[:3], 0.1, 0.1]
    np.testing.assert_allclose(values(made, (10, 25, 39, 40, 109)), expected, rtol=1e-5)
    shorter = schedule(name="cosine", epochs=2.0)
    np.testing.assert_allclose(values(shorter, (10, 20, 30)), [0.5, 0, 0], atol=1e-6)


def test_piecewise_and_exponential():
    made = schedule(name="piecewise", boundaries=(1.0, 2.5), factor=0.5)
    np.testing.assert_allclose(values(made, (0, 9, 10, 24, 25)), [1, 1, 0.5, 0.5, 0.25])
    made = schedule(name="piecewise", boundaries=(1.01, 1.02, 3.0), factor=0.5)  # two fall on one step
    np.testing.assert_allclose(values(made, (9, 10, 29, 30)), [1, 0.25, 0.25, 0.125])
    made = schedule(name="exponential", factor=0.5, warmup_epochs=0.2)
    np.testing.assert_allclose(values(made, (0, 1, 9, 10, 20)), [0.5, 1, 1, 0.5, 0.25])


@pytest.mark.parametrize("name", ["constant", "cosine", "piecewise", "exponential"])
def test_host_rate_schedule_and_layers_multiply(name):
    """Every update is Adam's own times minus all three, before and after the host cuts the rate."""
    made = schedule(name=name, warmup_epochs=0.3, boundaries=(0.5,), factor=0.5)
    multipliers = {"backbone": 1.0, "head": 10.0}
    optimizer, adam = make_optimizer(find("adamw"), 0.1, made, lambda path: multipliers[path]), optax.scale_by_adam()
    params = {name: jnp.ones(3) for name in multipliers}
    state, reference = optimizer.init(params), adam.init(params)
    rng = np.random.default_rng(0)
    for step in range(12):
        if step == 6:
            state = with_learning_rate(state, 0.02)
        rate = 0.02 if step >= 6 else 0.1
        gradients = jax.tree.map(lambda _: jnp.asarray(rng.normal(size=3), jnp.float32), params)
        updates, state = jax.jit(optimizer.update)(gradients, state, params)
        plain, reference = adam.update(gradients, reference)
        for part, multiplier in multipliers.items():
            expected = -rate * float(made(step)) * multiplier * plain[part]
            np.testing.assert_allclose(updates[part], expected, rtol=1e-5)


def test_epochs_may_not_change_where_they_are_the_length_of_a_cosine():
    def differing(settings):
        old, new = ({f"schedule.{key}": value for key, value in settings.items()} | {"epochs": n} for n in (30, 99))
        return config_lib.differing_keys(config_lib.replace(Config(), old), config_lib.replace(Config(), new))

    assert differing({}) == differing({"name": "cosine", "epochs": 20.0}) == []
    assert differing({"name": "cosine"}) == ["epochs (30 -> 99)"]
