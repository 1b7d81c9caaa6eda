"""What a convolution is, in four lessons that compute every number they show. `lessons.pictures` draws them."""

from collections.abc import Callable

from flowers_jax.lessons import backward, line_detector, one_by_one, shapes
from flowers_jax.lessons.photograph import Photograph

LESSONS: dict[str, Callable[[Photograph], list[str]]] = {
    "line-detector": line_detector.lines,
    "one-by-one": lambda _: one_by_one.lines(),
    "shapes": lambda _: shapes.lines(),
    "backward": lambda _: backward.lines(),
}
"""By name, in their order: from a photograph to the lines of text."""
