"""The losses, with Keras and optax as oracles; soft labels; class weights in a training step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import losses

RNG = np.random.default_rng(0)
LOGITS = jnp.asarray(RNG.normal(size=(50, 4)) * 3, jnp.float32)
HARD = jax.nn.one_hot(RNG.integers(0, 4, 50), 4)
SOFT = jnp.asarray(RNG.dirichlet(np.ones(4), 50), jnp.float32)


def loss(name, **options):
    part = losses.find(name)
    defaults = {name: option.default for name, option in part.options.items()}
    return lambda logits, targets: part.function(logits, targets, **defaults | options)


@pytest.mark.parametrize("targets", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_is_that_of_keras(gamma, targets):
    import keras

    p = np.asarray(jax.nn.softmax(LOGITS))
    oracle = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, reduction=None)(np.asarray(targets), p)
    np.testing.assert_allclose(loss("focal", gamma=gamma)(LOGITS, targets), oracle, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("targets", [HARD, SOFT], ids=["hard", "soft"])
def test_others_are_those_of_optax(targets):
    expected = optax.softmax_cross_entropy(LOGITS, targets)
    np.testing.assert_array_equal(loss("cross_entropy")(LOGITS, targets), expected)
    np.testing.assert_allclose(loss("focal", gamma=0.0)(LOGITS, targets), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(loss("poly_1", epsilon=0.0)(LOGITS, targets), expected, rtol=1e-6)
    missed = 1 - (targets * jax.nn.softmax(LOGITS)).sum(-1)
    np.testing.assert_allclose(loss("poly_1", epsilon=1.5)(LOGITS, targets), expected + 1.5 * missed, rtol=1e-5)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradients_are_finite_where_a_prediction_is_certain(name):
    sure = jnp.array([[200.0, -200.0, 0.0], [0.0, 0.0, 0.0]])
    targets = jnp.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]])
    for gamma in (0.0, 0.5, 1.0, 2.0) if name == "focal" else (None,):
        options = {} if gamma is None else {"gamma": gamma}
        gradients = jax.grad(lambda logits: loss(name, **options)(logits, targets).sum())(sure)  # noqa: B023
        assert np.isfinite(gradients).all()


@pytest.mark.parametrize("name", losses.LOSSES)
def test_the_loss_of_predictions_is_the_mean_over_examples(name):
    labels = np.asarray(HARD.argmax(-1))
    found = losses.of_logits(loss(name), np.asarray(LOGITS), labels)
    assert found == pytest.approx(float(loss(name)(LOGITS, HARD).mean()), rel=1e-6)
