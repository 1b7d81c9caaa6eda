"""Where a convolution reads and writes: padding, output size, and what cannot be."""

from collections.abc import Sequence
from typing import Any, NamedTuple

Padding = str | Sequence[tuple[int, int]]
"""`SAME`, `VALID`, or zeros ((top, bottom), (left, right))."""

Shape = Sequence[Any]
"""[B, H, W, I] of whole numbers; `jax.export` traces with a symbol for B."""

Zeros = tuple[tuple[int, int], tuple[int, int]]
"""Zeros ((top, bottom), (left, right)) once the sizes are known."""


class Geometry(NamedTuple):
    """The zeros around [H, W] and the [H', W'] that a kernel then has room for."""

    zeros: Zeros
    output: tuple[int, int]


def geometry(x: Shape, w: Sequence[int], stride: int, padding: Padding, dilation: int = 1, groups: int = 1) -> Geometry:
    """Of an input [B, H, W, I] and a kernel [kh, kw, I / groups, O].

    `SAME` is TensorFlow's: ceil(H / stride) rows, the odd zero at the bottom and at the right.

    Raises:
        ValueError: names the shapes that do not fit.
    """
    where = f"input {tuple(x)}, kernel {tuple(w)}"
    if len(x) != 4 or len(w) != 4:
        raise ValueError(f"{where}: must be [B, H, W, I] and [kh, kw, I / groups, O]")
    for name, value in (("stride", stride), ("dilation", dilation), ("groups", groups)):
        if value < 1:
            raise ValueError(f"{name} {value}: must be at least 1 ({where})")
    if x[3] % groups or w[3] % groups:
        raise ValueError(f"groups {groups} does not divide the {x[3]} input or {w[3]} output channels ({where})")
    if w[2] * groups != x[3]:
        raise ValueError(f"the kernel reads {w[2]} channels in {groups} group(s), the input has {x[3]} ({where})")
    spans = [(k - 1) * dilation + 1 for k in w[:2]]
    zeros = _zeros(x[1:3], spans, stride, padding)
    room = [size + low + high for size, (low, high) in zip(x[1:3], zeros, strict=True)]
    if room[0] < spans[0] or room[1] < spans[1]:
        raise ValueError(
            f"a kernel of {spans[0]}x{spans[1]} with dilation {dilation} is larger than the padded image of "
            f"{room[0]}x{room[1]} ({where}, padding {padding})"
        )
    height, width = ((size - span) // stride + 1 for size, span in zip(room, spans, strict=True))
    return Geometry(zeros, (height, width))


def _zeros(sizes: Sequence[int], spans: Sequence[int], stride: int, padding: Padding) -> Zeros:
    if padding == "VALID":
        return (0, 0), (0, 0)
    if padding == "SAME":
        totals = [max((-(-n // stride) - 1) * stride + span - n, 0) for n, span in zip(sizes, spans, strict=True)]
        top, left = (total // 2 for total in totals)
        return (top, totals[0] - top), (left, totals[1] - left)
    if isinstance(padding, str):
        raise ValueError(f"padding {padding!r}: must be SAME, VALID or ((top, bottom), (left, right))")
    (top, bottom), (left, right) = padding
    if min(top, bottom, left, right) < 0:
        raise ValueError(f"padding {padding}: zeros cannot be fewer than none")
    return (top, bottom), (left, right)
