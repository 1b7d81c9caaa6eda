"""Convolutions, fixed and random: small arrays in float64 for strides, dilations, group counts and paddings."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from flowers_jax.ops.geometry import Padding, geometry

KINDS = ("any", "depthwise", "pointwise", "image", "plain")
"""What the fast path tells apart."""


class Case(NamedTuple):
    """Arrays and arguments of one convolution."""

    x: np.ndarray
    w: np.ndarray
    arguments: dict[str, Any]

    @property
    def dy(self) -> np.ndarray:
        """An output gradient."""
        output = geometry(self.x.shape, self.w.shape, **self.arguments).output
        return np.random.default_rng(0).normal(size=(len(self.x), *output, self.w.shape[3]))


def fixed(kind: str) -> list[Case]:
    """A few, since each is compiled: strides, dilations, paddings and sides that are none of them even or alike."""
    uneven: Padding = ((1, 0), (2, 3))
    table: dict[str, list[tuple[tuple[int, ...], tuple[int, ...], int, Padding, int, int]]] = {
        "any": [
            ((2, 7, 6, 6), (3, 2, 3, 4), 2, "SAME", 1, 2),
            ((1, 9, 8, 3), (2, 3, 3, 2), 1, uneven, 2, 1),
            ((3, 5, 9, 6), (3, 3, 2, 3), 3, "VALID", 1, 3),
        ],
        "depthwise": [
            ((2, 7, 8, 5), (3, 3, 1, 5), 2, "SAME", 1, 5),
            ((3, 9, 6, 2), (3, 2, 1, 2), 1, uneven, 2, 2),
            ((1, 8, 5, 3), (2, 3, 1, 3), 3, "VALID", 1, 3),
            ((1, 7, 8, 2), (5, 5, 1, 2), 2, "SAME", 1, 2),
        ],
        "pointwise": [
            ((2, 7, 6, 4), (1, 1, 4, 3), 1, "VALID", 1, 1),
            ((3, 5, 8, 1), (1, 1, 1, 5), 2, "VALID", 1, 1),
            ((1, 8, 7, 5), (1, 1, 5, 2), 3, "VALID", 2, 1),
        ],
        "image": [
            ((2, 8, 7, 3), (3, 3, 3, 4), 2, "SAME", 1, 1),
            ((1, 9, 8, 1), (3, 2, 1, 5), 1, uneven, 2, 1),
            ((3, 6, 9, 2), (2, 3, 2, 1), 3, "VALID", 1, 1),
        ],
        "plain": [
            ((2, 7, 6, 4), (3, 2, 4, 3), 2, "SAME", 1, 1),
            ((1, 9, 8, 5), (2, 3, 5, 2), 1, uneven, 2, 1),
            ((3, 5, 8, 4), (1, 2, 4, 3), 3, uneven, 1, 1),  # more zeros than the kernel reaches
        ],
    }
    rng, names = np.random.default_rng(0), ("stride", "padding", "dilation", "groups")
    return [
        Case(rng.normal(size=x), rng.normal(size=w), dict(zip(names, arguments, strict=True)))
        for x, w, *arguments in table[kind]
    ]


@st.composite
def cases(draw: st.DrawFn, kind: str) -> Case:
    """A random one that its kernel has room for."""
    small = st.integers(1, 3)
    stride, dilation = draw(small), draw(st.integers(1, 2))
    kernel = (1, 1) if kind == "pointwise" else (draw(small), draw(small))
    groups, inputs, outputs = {
        "any": (draw(small), draw(small), draw(small)),
        "depthwise": (draw(st.integers(1, 5)), 1, 1),
        "pointwise": (1, draw(st.integers(1, 5)), draw(st.integers(1, 5))),
        "image": (1, draw(small), draw(st.integers(1, 5))),
        "plain": (1, draw(st.integers(4, 5)), draw(small)),
    }[kind]
    side = st.integers(5, 9)  # a kernel of 3 with dilation 2 spans 5
    shape = (draw(small), draw(side), draw(side), groups * inputs)
    zeros = st.integers(0, 3)
    explicit = st.tuples(st.tuples(zeros, zeros), st.tuples(zeros, zeros))
    padding: Padding = "VALID" if kind == "pointwise" else draw(st.one_of(st.sampled_from(["SAME", "VALID"]), explicit))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    w = rng.normal(size=(*kernel, inputs, groups * outputs))
    arguments = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case(rng.normal(size=shape), w, arguments)
