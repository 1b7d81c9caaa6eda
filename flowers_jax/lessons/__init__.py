"""Four lessons about convolution that compute every number they print. `lessons.pictures` draws them."""

from collections.abc import Callable

from flowers_jax.lessons import backward, line_detector, one_by_one, shapes
from flowers_jax.lessons.photograph import Photograph

LESSONS: dict[str, Callable[[Photograph], list[str]]] = {
    "line-detector": line_detector.lines,
    "one-by-one": lambda _: one_by_one.lines(),
    "shapes": lambda _: shapes.lines(),
    "backward": lambda _: backward.lines(),
}
"""The lessons by name, in order: functions from a photograph to lines of text."""
