"""Metrics, with scikit-learn and SciPy as oracles."""

import numpy as np
import pytest
import scipy.special
import sklearn.calibration
import sklearn.metrics

from flowers_jax import metrics

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


@pytest.mark.parametrize("classes", [2, 4, 9])
@pytest.mark.parametrize("missing", [False, True])
def test_monitored_metrics_are_those_of_scikit_learn(classes, missing):
    """`missing`: the first class has no example, and the last is never predicted."""
    rng = np.random.default_rng(classes)
    logits = rng.normal(size=(300, classes)).astype(np.float32)
    labels = np.where(rng.random(300) < 0.5, logits.argmax(-1), rng.integers(0, classes, 300))
    if missing:
        labels[labels == 0] = 1
        logits[:, -1] = -10
    predicted, p = logits.argmax(-1), metrics.probabilities(logits)
    found = {name: metric.function(logits, labels) for name, metric in metrics.METRICS.items()}
    every = range(classes)
    assert found["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(labels, predicted))
    present = [label for label in every if (labels == label).any()]
    recalls = sklearn.metrics.recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    assert found["balanced_accuracy"] == pytest.approx(recalls)
    assert found["macro_f1"] == pytest.approx(
        sklearn.metrics.f1_score(labels, predicted, average="macro", zero_division=0)
    )
    assert found["nll"] == pytest.approx(sklearn.metrics.log_loss(labels, p, labels=every))
    if classes > 5:
        assert found["top_5"] == pytest.approx(sklearn.metrics.top_k_accuracy_score(labels, logits, k=5, labels=every))
    else:
        assert found["top_5"] == 1


def test_top_5_counts_equal_logits_as_scikit_learn_does():
    logits = np.random.default_rng(0).integers(0, 3, (200, 8)).astype(np.float32)
    labels = np.arange(200) % 8
    assert metrics.top_5(logits, labels) == sklearn.metrics.top_k_accuracy_score(labels, logits, k=5)


def test_ece_is_the_mean_gap_of_scikit_learns_calibration_curve():
    p = metrics.probabilities(LOGITS)
    right, confidence = LOGITS.argmax(-1) == LABELS, p.max(-1)
    shares, means = sklearn.calibration.calibration_curve(right, confidence, n_bins=15)
    counts, _ = np.histogram(confidence, 15, (0, 1))
    expected = (np.abs(shares - means) * counts[counts > 0]).sum() / len(LABELS)
    assert metrics.ece(LOGITS, LABELS) == pytest.approx(expected, rel=1e-6)
    assert metrics.ece(np.array([[50.0, -50.0]]), np.array([0])) == pytest.approx(0, abs=1e-12)
