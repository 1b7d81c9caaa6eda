"""The pictures show the figures that they are given, any names as text, in the same bytes each time."""

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from flowers_jax.evaluation.predictions import Predictions, of_logits
from flowers_jax.report.plots import (
    calibration,
    confusion_matrix,
    curves,
    per_class,
    save,
    style,
    test_predictions,
    train_batch,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "$x_1$ & \\frac",
    "a\nb\t\x1b[31m",
    "gnp.\u202eesor",
    "玫瑰 وردة",
    "'\"--></svg>",
)
AS_TEXT = (
    "<script>alert(1)</script>",
    "$x_1$ & \\frac",
    r"a\nb\t\x1b[31m",
    r"gnp.\u202eesor",
    "玫瑰 وردة",
    "'\"--></svg>",
)


def predicted(classes: tuple[str, ...], count: int = 60, missing: int = -1) -> Predictions:
    rng = np.random.default_rng(0)
    labels = rng.choice([label for label in range(len(classes)) if label != missing], count)
    logits = rng.normal(size=(count, len(classes))) + 2 * np.eye(len(classes))[labels]
    return of_logits([f"{number:04}.jpg" for number in range(count)], logits, labels, 1.0, classes)


def texts(figure: Figure) -> set[str]:
    """Of the SVG, as a reader of the page can find them."""
    root = ElementTree.fromstring(save.svg(figure))
    return {node.text for node in root.iter("{http://www.w3.org/2000/svg}text") if node.text}


def rows(epochs: int) -> list[dict[str, str]]:
    return [
        {
            "epoch": str(epoch), "phase": "head" if epoch < 3 else "finetune", "train_loss": f"{1 / epoch}",
            "train_accuracy": f"{1 - 0.5 / epoch}", "val_loss": f"{1.1 / epoch}", "val_accuracy": f"{1 - 0.6 / epoch}",
            "learning_rate": "0.01" if epoch < 5 else "0.002",
        }
        for epoch in range(1, epochs + 1)
    ]  # fmt: skip


@pytest.mark.parametrize("epochs", [1, 6])
def test_curves_are_the_rows(epochs):
    table = rows(epochs)
    figure = curves.draw(table, best_epoch=epochs, cuts=[5] if epochs > 5 else [])
    loss, accuracy, rate = figure.axes
    for axes, quantity in ((loss, "loss"), (accuracy, "accuracy")):
        drawn = {line.get_label(): line for line in axes.lines}
        for part, name in (("train", "training"), ("val", "validation")):
            assert list(drawn[name].get_xdata()) == list(range(1, epochs + 1))
            assert list(drawn[name].get_ydata()) == [float(row[f"{part}_{quantity}"]) for row in table]
        assert drawn[f"best epoch: {epochs}"].get_xdata() == [epochs]
    (rates,) = (line for line in rate.lines if line.get_drawstyle() == "steps-mid")
    assert list(rates.get_ydata()) == [float(row["learning_rate"]) for row in table]
    assert rate.get_yscale() == "log"
    found = texts(figure)
    assert f"best epoch: {epochs}" in found and ("cut by ReduceLROnPlateau" in found) == (epochs > 5)
    assert {"head", "finetune"} <= found or epochs == 1


def test_the_confusion_matrix_has_every_count_and_share():
    result = predicted(("daisy", "rose", "tulip"), missing=2)
    matrix = result.confusion_matrix()
    figure = confusion_matrix.draw(matrix, result.classes)
    cells = {
        (round(one.get_position()[1]), round(one.get_position()[0])): one.get_text() for one in figure.axes[0].texts
    }
    for i, j in np.argwhere(matrix):
        assert cells[i, j] == f"{matrix[i, j]}\n{100 * matrix[i, j] / matrix[i].sum():.0f} %"
    assert {"tulip (no photograph)", f"{np.trace(matrix)} of 60 photographs right"} <= texts(figure)


@pytest.mark.parametrize("count", [1, 20, 45, 1000])
def test_any_number_of_classes(count):
    result = predicted(tuple(f"class {number}" for number in range(count)), count=3 * count)
    matrix = confusion_matrix.draw(result.confusion_matrix(), result.classes)
    save.lay_out(matrix)
    names = [text.get_text() for text in matrix.axes[0].get_yticklabels()]
    assert len(names) == min(count, -(-count // -(-count // 40))) and "class 0" in names
    assert bool(matrix.axes[0].texts[1:]) == (count <= confusion_matrix.MOST_NUMBERS) or count == 1
    found = texts(per_class.draw(result.per_class()))
    tested = len(set(result.labels.tolist()))
    assert any(f"the 40 with the lowest F1 of {tested} classes" in text for text in found) == (count > 40)


def test_figures_of_classes_and_the_classes_without_photographs():
    result = predicted(("daisy", "rose", "tulip"), missing=2)
    scores = result.per_class()
    figure = per_class.draw(scores)
    drawn = {line.get_label(): list(line.get_xdata()) for line in figure.axes[0].lines}
    order = sorted(("daisy", "rose"), key=lambda name: scores[name]["f1"])
    for name, label in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        assert drawn[label] == [scores[one][name] for one in order]
    found = texts(figure)
    assert [text.get_text() for text in figure.axes[0].texts[:2]] == [str(scores[name]["support"]) for name in order]
    assert any("1 without a photograph left out" in text for text in found)


def test_calibration_is_that_of_the_predictions():
    result = predicted(("daisy", "rose", "tulip"))
    bins = result.calibration()
    figure = calibration.draw(bins, result.ece())
    above, below = figure.axes
    points = above.containers[0].lines[0]
    np.testing.assert_allclose(points.get_xydata(), [(confidence, accuracy) for confidence, accuracy, _ in bins])
    assert [bar.get_height() for bar in below.patches] == [count for *_, count in bins]
    assert f"ECE {result.ece():.4f} on 60 test photographs, with the run's temperature" in texts(figure)


def photographs(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 28, 28, 3), np.uint8)


def drawn_with(names: tuple[str, ...]) -> dict[str, Figure]:
    result, images = predicted(names), photographs(len(names))
    targets = np.eye(len(names), dtype=np.float32)
    return {
        "confusion_matrix": confusion_matrix.draw(result.confusion_matrix(), names),
        "per_class": per_class.draw(result.per_class()),
        "train_batch": train_batch.draw(images, targets, names),
        "test_predictions": test_predictions.draw(
            [test_predictions.Tested(image, name, names[0], 0.5) for image, name in zip(images, names, strict=True)]
        ),
    }


def test_names_are_text():
    for name, figure in drawn_with(HOSTILE).items():
        found = " ".join(texts(figure))
        expected = [style.label(text, 20) if name == "test_predictions" else style.label(text) for text in AS_TEXT]
        assert [text for text in expected[1:] if text not in found] == [], name
        assert b"<script" not in save.svg(figure)


def test_long_names_end_in_an_ellipsis():
    assert style.label("x" * 30) == "x" * 23 + "…" and style.label("x" * 24) == "x" * 24


@pytest.mark.parametrize("name", ["confusion_matrix", "per_class", "train_batch", "test_predictions"])
def test_no_text_lies_on_another(name):
    figure = drawn_with(tuple(f"{'WMO' * 12}{number}" for number in range(6)))[name]
    save.lay_out(figure)
    own = figure.axes[0]
    found = [*own.texts, own._left_title, *(own.get_yticklabels() if own.axison else ())]
    boxes = [text.get_tightbbox() for text in found if text.get_text() and text.get_visible()]
    assert [(i, j) for i, box in enumerate(boxes) for j in range(i) if box.overlaps(boxes[j])] == []
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_a_mistake_has_a_sign_and_its_class():
    tested = [
        test_predictions.Tested(image, "rose", name, 0.876)
        for image, name in zip(photographs(2), ("rose", "tulip"), strict=True)
    ]
    assert {"✓ 88 % rose", "✗ 88 % tulip", "is rose"} <= texts(test_predictions.draw(tested))


def test_a_mixed_input_has_the_share_of_each_label():
    targets = np.array([[0.3, 0.7, 0.0], [0.0, 0.0, 1.0]], np.float32)
    found = texts(train_batch.draw(photographs(2), targets, ("daisy", "rose", "tulip")))
    assert {"70 % rose", "30 % daisy", "tulip"} <= found


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        save.save(curves.draw(rows(6), 4, [5]), tmp_path / folder, "curves")
    for kind in ("svg", "png"):
        assert (tmp_path / "one" / f"curves.{kind}").read_bytes() == (tmp_path / "two" / f"curves.{kind}").read_bytes()


def test_the_picture_of_a_page_follows_its_colours():
    text = save.page_svg(curves.draw(rows(6), 4, [5])).decode()
    assert "prefers-color-scheme:dark" in text and "var(--c0)" in text
    assert text.count(style.TEXT) == text.count(style.QUIET) == 1  # in the rule for the light page
    assert text.count("fill: #ffffff") == 0
    ElementTree.fromstring(text)
