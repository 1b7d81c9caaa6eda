"""Wilson's interval and McNemar's test equal SciPy's."""

import numpy as np
import pytest
import scipy.stats

from flowers_jax.metrics.intervals import holm, mcnemar, wilson


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("hits", "examples"), [(0, 1), (1, 1), (39, 42), (280, 331), (0, 50), (50, 50), (9523, 10000)])
def test_wilson_is_scipys(hits: int, examples: int, level: float):
    expected = scipy.stats.binomtest(hits, examples).proportion_ci(level, method="wilson")
    np.testing.assert_allclose(wilson(hits, examples, level), (expected.low, expected.high), rtol=0, atol=1e-12)


def test_wilson_of_no_example_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("one", "other"), [(0, 0), (1, 0), (3, 9), (9, 3), (20, 20), (0, 12), (100, 140)])
def test_mcnemar_is_scipys_binomial_test(one: int, other: int):
    """Of the examples on which one model alone is right, how many are the one's."""
    right = np.array([True] * one + [False] * other + [True] * 7 + [False] * 2)
    other_right = np.array([False] * one + [True] * other + [True] * 7 + [False] * 2)
    expected = scipy.stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(right, other_right) == pytest.approx(expected, abs=1e-12)


def test_holms_correction_by_hand():
    """The example: 0.01 times 4; 0.02 times 3; 0.03 times 2 is no less than it; 0.04 takes the largest so far."""
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9]) and holm([0.6, 0.9]) == [1.0, 1.0] and holm([]) == []
