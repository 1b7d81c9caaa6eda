"""What is said of predictions follows from `predictions.csv`, and equals scikit-learn's."""

import numpy as np
import sklearn.metrics

from flowers_jax import metrics
from flowers_jax.evaluation.predictions import of_logits, of_rows

CLASSES = ("daisy", "rose", "tulip")


def drawn(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    return (rng.normal(size=(count, 3)) + 1.5 * np.eye(3)[labels]).astype(np.float32), labels


def test_the_file_says_what_the_logits_said():
    logits, labels = drawn()
    paths = [f"{number}.png" for number in range(40)]
    predictions = of_logits(paths, logits, labels, 1.3, CLASSES)
    assert list(predictions.paths) == sorted(paths)
    again = of_rows(predictions.rows(), CLASSES)
    assert again.rows() == predictions.rows()
    assert again.ece() == predictions.ece()
    assert predictions.accuracy == metrics.accuracy(logits, labels)
    expected = metrics.ece(logits / np.float32(1.3), labels)
    np.testing.assert_allclose(predictions.ece(), expected, atol=2e-6)  # the file has six digits


def test_figures_of_classes_are_scikit_learns():
    logits, labels = drawn()
    predictions = of_logits(list(map(str, range(40))), logits, labels, 1.0, CLASSES)
    report = sklearn.metrics.classification_report(
        predictions.labels, predictions.predicted, target_names=CLASSES, output_dict=True
    )
    for name, own in predictions.per_class().items():
        for figure, word in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1-score"),
            ("support", "support"),
        ):
            np.testing.assert_allclose(own[figure], report[name][word])
    matrix = sklearn.metrics.confusion_matrix(predictions.labels, predictions.predicted)
    np.testing.assert_array_equal(predictions.confusion_matrix(), matrix)


def test_mistakes_and_confusions_by_hand():
    rows = [
        {"path": "a", "label": "rose", "predicted": "tulip", "probability": "0.9"},
        {"path": "b", "label": "rose", "predicted": "tulip", "probability": "0.6"},
        {"path": "c", "label": "daisy", "predicted": "daisy", "probability": "0.8"},
        {"path": "d", "label": "daisy", "predicted": "rose", "probability": "0.7"},
        {"path": "e", "label": "tulip", "predicted": "tulip", "probability": "0.4"},
    ]
    predictions = of_rows(rows, CLASSES)
    assert [predictions.paths[i] for i in predictions.mistakes()] == ["a", "d", "b"]
    assert [predictions.paths[i] for i in predictions.hits()] == ["e", "c"]
    assert predictions.confusions() == [("rose", "tulip", 2), ("daisy", "rose", 1)]
