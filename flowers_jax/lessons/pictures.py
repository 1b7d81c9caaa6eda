"""The pictures of the lessons. Of the lessons, only this module and `drawing` import matplotlib."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from flowers_jax.lessons import backward, drawing, line_detector, one_by_one, shapes
from flowers_jax.lessons.photograph import Photograph
from flowers_jax.lessons.plane import Plane, cells, correlate
from flowers_jax.models import simplest

Texts = Sequence[Sequence[str]]

FIGURES: dict[str, Callable[[Photograph], dict[str, Figure]]] = {
    "line-detector": lambda photograph: {
        "line-detector": line_grids(),
        "line-detector-photograph": line_on_a_photograph(photograph),
    },
    "one-by-one": lambda _: {"one-by-one": scaling(), "bottleneck": bottleneck()},
    "shapes": lambda _: {"shapes": layers()},
    "backward": lambda _: {"backward": forward(), "gradients": gradients()},
}
"""By lesson: a function from a photograph to figures, by file name without `.png`."""


def draw(lesson: str, photograph: Photograph) -> dict[str, bytes]:
    """The lesson's pictures as PNG, by file name without `.png`."""
    return {title: drawing.png(figure) for title, figure in FIGURES[lesson](photograph).items()}


def line_grids() -> Figure:
    image, kernel = line_detector.IMAGE, line_detector.KERNEL
    same, valid = (correlate(image, kernel, padding) for padding in ("SAME", "VALID"))
    return _grids({"image": image, "kernel": kernel, "output, SAME": same, "output, VALID": valid})


def line_on_a_photograph(photograph: Photograph) -> Figure:
    figure = drawing.figure(12, 4.6)
    panels = figure.subplots(1, 3)
    answer = line_detector.response(photograph)
    drawing.image(panels[0], photograph, f"photograph {photograph.shape[0]}x{photograph.shape[1]}")
    drawing.image(panels[1], line_detector.grey(photograph), "in grey, 0 to 1")
    drawing.response(panels[2], answer, f"output {answer.shape[0]}x{answer.shape[1]}, padding VALID")
    return figure


def scaling() -> Figure:
    kernel = np.full((1, 1), one_by_one.FACTOR, np.float32)
    return _grids({"input": one_by_one.SCALED, "filter": kernel, "output": one_by_one.scaled()})


def bottleneck() -> Figure:
    """Two ways to the same shape; each step has its multiply-adds."""
    direct, reduce, then = one_by_one.costs()
    figure = drawing.figure(11, 7)
    panels = figure.subplots(2, 1)
    ways = {"directly": (direct,), "by way of fewer channels": (reduce, then)}
    for axes, (title, costs) in zip(panels, ways.items(), strict=True):
        outputs = [cost.output[1:] for cost in costs]
        drawing.blocks(axes, [one_by_one.IMAGE[1:], *outputs], [_step(cost) for cost in costs])
        total = sum(cost.multiply_adds for cost in costs)
        axes.set_title(f"{title}: {total:,} multiply-adds", fontsize=drawing.TEXT + 1)
    return figure


def layers() -> Figure:
    rows = shapes.layers()
    figure = drawing.figure(14, 4.5)
    axes = figure.subplots()
    steps = [f"{row.name}\n{row.count}" if row.parameters else row.name for row in rows]
    drawing.blocks(axes, [(shapes.SIZE, shapes.SIZE, 3), *(row.output for row in rows)], steps)
    total = sum(row.parameters for row in rows)
    axes.set_title(f"{simplest.TITLE}: {total:,} parameters", fontsize=drawing.TEXT + 1)
    return figure


def forward() -> Figure:
    return _grids({"X": backward.X, "F": backward.F, "O = X * F": backward.output(), "dL/dO": backward.DO})


def gradients() -> Figure:
    """Both gradients; each number has the products of its sum."""
    by_kernel = backward.written(backward.X, backward.DO)
    by_input = backward.written(np.pad(backward.DO, 1), backward.F[::-1, ::-1])
    planes = {"dL/dF": backward.kernel_gradient(), "dL/dX": backward.input_gradient()}
    return _grids(planes, [_in_lines(by_kernel), _in_lines(by_input)], cell=1.9)


def _grids(planes: Mapping[str, Plane], texts: Sequence[Texts] = (), cell: float = 0.75) -> Figure:
    """Planes side by side, by title. Cells are `cell` inches wide and contain `texts`, or the numbers by default."""
    texts = texts or [cells(values) for values in planes.values()]
    columns = [values.shape[1] for values in planes.values()]
    figure = drawing.figure(cell * sum(columns) + 0.4 * len(columns), cell * max(columns) + 1.5)
    panels = figure.subplots(1, len(columns), width_ratios=columns)
    for axes, (title, values), inside in zip(panels, planes.items(), texts, strict=True):
        drawing.grid(axes, values, f"{title}\n{values.shape[0]}x{values.shape[1]}", inside)
    return figure


def _step(cost: one_by_one.Cost) -> str:
    height, width, *_ = cost.kernel
    return f"{height}x{width}\n{cost.multiply_adds:,}\nmultiply-adds"


def _in_lines(sums: Texts) -> Texts:
    """Sums of four products in three lines, to fit into a cell."""
    return [[_in_three_lines(text) for text in row] for row in sums]


def _in_three_lines(text: str) -> str:
    terms, total = text.split(" = ")
    a, b, *rest = terms.split(" + ")
    return f"{a} + {b}\n+ {' + '.join(rest)}\n= {total}"
