"""Metrics, with scikit-learn and SciPy as oracles."""

import numpy as np
import pytest
import scipy.special
import sklearn.metrics

from flowers_jax.evaluation import metrics

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(200, 4)).astype(np.float32) * 2
LABELS = np.where(RNG.random(200) < 0.5, LOGITS.argmax(-1), RNG.integers(0, 4, 200))


def test_loss_accuracy_and_probabilities():
    p = metrics.probabilities(LOGITS)
    assert metrics.cross_entropy(LOGITS, LABELS) == pytest.approx(sklearn.metrics.log_loss(LABELS, p), rel=1e-9)
    assert metrics.accuracy(LOGITS, LABELS) == sklearn.metrics.accuracy_score(LABELS, LOGITS.argmax(-1))
    np.testing.assert_allclose(metrics.probabilities(LOGITS, 2.0), scipy.special.softmax(LOGITS / np.float64(2), -1))


def test_per_class():
    ours = metrics.per_class(LOGITS, LABELS, ("a", "b", "c", "d", "never"))
    oracle = sklearn.metrics.precision_recall_fscore_support(
        LABELS, LOGITS.argmax(-1), labels=range(5), zero_division=0
    )
    for name, *expected in zip(ours, *oracle, strict=True):
        assert list(ours[name].values()) == pytest.approx(expected)
    assert list(ours["a"]) == ["precision", "recall", "f1", "support"]


def test_temperature_is_the_likeliest():
    fitted = metrics.fit_temperature(LOGITS, LABELS)
    grid = np.geomspace(0.05, 20, 2000)
    losses = [metrics.cross_entropy(LOGITS, LABELS, t) for t in grid]
    assert fitted == pytest.approx(grid[np.argmin(losses)], rel=0.01)
    assert metrics.fit_temperature(LOGITS * 3, LABELS) == pytest.approx(3 * fitted, rel=1e-3)


def test_temperature_of_a_faultless_model_is_one():
    assert metrics.fit_temperature(LOGITS, LOGITS.argmax(-1)) == 1.0
