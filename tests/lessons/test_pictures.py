"""The pictures show the numbers, legibly."""

import ast
import io

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from flowers_jax.lessons import LESSONS, backward, drawing, line_detector, photograph, pictures
from flowers_jax.lessons.plane import correlate
from tests.conftest import ROOT

NAMES = {
    "line-detector": {"line-detector", "line-detector-photograph"},
    "one-by-one": {"one-by-one", "bottleneck"},
    "shapes": {"shapes"},
    "backward": {"backward", "gradients"},
}


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    flower = photograph.load()
    return {name: figure for draw in pictures.FIGURES.values() for name, figure in draw(flower).items()}


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def panels(figure: Figure) -> list[Axes]:
    """Without the colour bars, which are axes inside of these."""
    return [axes for axes in figure.axes if axes.get_title()]


def cells(values: np.ndarray) -> list[str]:
    return [f"{value:g}" for value in values.ravel()]


def test_every_lesson_has_pictures(figures):
    assert set(figures) == set.union(*NAMES.values())
    assert list(pictures.FIGURES) == list(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS)
def test_files_are_pngs_of_sensible_size_that_show_something(lesson):
    flower = photograph.load()
    drawn = pictures.draw(lesson, flower)
    assert set(drawn) == NAMES[lesson] and drawn == pictures.draw(lesson, flower)
    for data in drawn.values():
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == "PNG"
            assert 600 <= image.width <= 1500 and 300 <= image.height <= 1000 and len(data) < 120_000
            grey = np.asarray(image.convert("L"))
            assert grey.std() > 20
            border = np.concatenate([grey[:5].ravel(), grey[-5:].ravel(), grey[:, :5].ravel(), grey[:, -5:].ravel()])
            assert (border == 255).all(), "something is cut off"


def test_cells_hold_the_values(figures):
    image, kernel = line_detector.IMAGE, line_detector.KERNEL
    expected = [image, kernel, correlate(image, kernel, "SAME"), correlate(image, kernel, "VALID")]
    assert [texts(axes) for axes in panels(figures["line-detector"])] == [cells(values) for values in expected]
    expected = [backward.X, backward.F, backward.output(), backward.DO]
    assert [texts(axes) for axes in panels(figures["backward"])] == [cells(values) for values in expected]
    scaling = panels(figures["one-by-one"])
    assert [len(axes.texts) for axes in scaling] == [36, 1, 36]
    assert texts(scaling[2]) == [str(2 * value) for value in range(36)]


def test_gradients_stand_with_their_products(figures):
    by_kernel, by_input = panels(figures["gradients"])
    assert texts(by_kernel)[0] == "2*1 + 3*1\n+ 3*1 + 1*1\n= 9"
    for axes, values in ((by_kernel, backward.kernel_gradient()), (by_input, backward.input_gradient())):
        assert [text.rpartition("= ")[2] for text in texts(axes)] == cells(values)
        assert [eval(text.replace("\n", " ").split("=")[0]) for text in texts(axes)] == values.ravel().tolist()


def test_zero_is_the_middle_of_every_colour_scale(figures):
    names = ("line-detector", "one-by-one", "backward", "gradients")
    coloured = [axes for name in names for axes in panels(figures[name])]
    coloured.append(panels(figures["line-detector-photograph"])[-1])
    for axes in coloured:
        norm = axes.images[0].norm
        assert norm.vmin == -norm.vmax < 0 and norm(0) == 0.5
        assert norm.vmax == pytest.approx(np.abs(axes.images[0].get_array()).max())
        assert len(axes.child_axes) == 1  # its colour bar


def test_ink_differs_from_its_cell(figures):
    for axes in panels(figures["line-detector"]):
        values = axes.images[0].get_array().ravel()
        for text, value in zip(axes.texts, values, strict=True):
            *rgb, _ = drawing.COLOURS(axes.images[0].norm(value))
            ink = 1.0 if text.get_color() == "white" else 0.0
            assert abs(ink - np.dot(rgb, [0.299, 0.587, 0.114])) > 0.4


def test_the_cnn_is_drawn_with_its_shapes_and_parameters(figures):
    drawn = texts(figures["shapes"].axes[0])
    assert [text for text in ("28x28x3", "14x14x32", "7x7x32", "1568", "5") if text not in drawn] == []
    assert "conv\n(3*3*3 + 1)*32 = 896" in drawn and "head\n(1568 + 1)*5 = 7,845" in drawn


@pytest.mark.parametrize("name", sorted(set.union(*NAMES.values())))
def test_no_text_lies_on_another(figures, name):
    figure = figures[name]
    figure.draw_without_rendering()
    bars = [bar for axes in figure.axes for bar in axes.child_axes]
    found = [text for axes in figure.axes for text in (*axes.texts, axes.title) if text.get_text()]
    found += [text for bar in bars for text in bar.get_xticklabels()]
    boxes = [text.get_window_extent() for text in found]
    for i, box in enumerate(boxes):
        assert not [found[j] for j in range(i) if box.overlaps(boxes[j])], found[i]


def test_only_what_draws_imports_matplotlib():
    def imports(path):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        return names + [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]

    package = ROOT / "flowers_jax"
    users = {p for p in package.rglob("*.py") if any(name.split(".")[0] == "matplotlib" for name in imports(p))}
    plots = package / "report" / "plots"
    lessons = {package / "lessons" / name for name in ("drawing.py", "pictures.py")}
    assert {path for path in users if path.parent != plots} == lessons
