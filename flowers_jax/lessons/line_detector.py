"""Lesson 1: one kernel finds a line."""

import numpy as np

from flowers_jax.lessons.photograph import Photograph
from flowers_jax.lessons.plane import Plane, correlate, number, plane, products, rows

IMAGE = plane([[0, 0, 10, 0, 0]] * 5)
KERNEL = plane([[1, 1, 1], [1, -8, 1], [1, 1, 1]])
GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601: the weights of red, green and blue in the brightness."""

PLACES = {
    "away from the line": (2, 0),
    "beside the line": (2, 1),
    "on the line": (2, 2),
    "beside its end": (0, 1),
    "on its end": (0, 2),
}
"""A position of each kind, (row, column) from 0."""


def lines(photograph: Photograph) -> list[str]:
    """The lesson's text, line by line."""
    return [
        "1. Line detector",
        "",
        "The image, 5x5, has a line in its middle column:",
        *rows(IMAGE),
        "",
        "The kernel, 3x3, subtracts eight times the centre from the sum of its neighbours:",
        *rows(KERNEL),
        "",
        "Padding SAME puts a ring of zeros around the image, and the output is 5x5 again:",
        *rows(correlate(IMAGE, KERNEL, "SAME")),
        "",
        "Padding VALID adds nothing, and the output is 3x3, the places where the kernel fits:",
        *rows(correlate(IMAGE, KERNEL, "VALID")),
        "",
        "Only three columns are not 0, because only there the window covers the line (each number * the kernel's):",
        *_sums(),
        "The kernel's numbers add up to " + number(KERNEL.sum()) + ", so an even area gives 0, dark or bright.",
        "At the ends the window covers the padding, so one 10 of the line is missing.",
        "",
        *_on_a_photograph(photograph),
    ]


def window(row: int, column: int) -> Plane:
    """The input of the kernel at this position, with zeros around the image: [3, 3]."""
    return np.pad(IMAGE, 1)[row : row + 3, column : column + 3]


def grey(photograph: Photograph) -> Plane:
    """Brightness in [0, 1]."""
    return photograph.astype(np.float32) / 255 @ GREY


def response(photograph: Photograph) -> Plane:
    """The output without padding, because zeros around the image would add an edge."""
    return correlate(grey(photograph), KERNEL, "VALID")


def _sums() -> list[str]:
    return [
        f"row {row + 1}, column {column + 1}, {kind}: {products(window(row, column), KERNEL)}"
        for kind, (row, column) in PLACES.items()
    ]


def _on_a_photograph(photograph: Photograph) -> list[str]:
    answer = response(photograph)
    strongest = np.abs(answer).max()
    share = np.mean(np.abs(answer) < strongest / 4)
    height, width, _ = photograph.shape
    return [
        f"The same kernel on a photograph of {height}x{width} in grey from 0 to 1, padding VALID:",
        f"{answer.shape[0]}x{answer.shape[1]} outputs from {answer.min():.2f} to {answer.max():.2f}",
        f"{share:.0%} of them are less than a quarter of the strongest, {strongest:.2f}: the others draw the edges",
    ]
