"""Random convolutions: small arrays in float64 for every stride, dilation, group count and padding."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from flowers_jax.ops.geometry import Padding, geometry

KINDS = ("any", "depthwise", "pointwise", "image")


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


@st.composite
def cases(draw: st.DrawFn, kind: str) -> Case:
    """A convolution that its kernel has room for; `kind` is what the fast path tells apart."""
    small = st.integers(1, 3)
    stride, dilation = draw(small), draw(st.integers(1, 2))
    kernel = (1, 1) if kind == "pointwise" else (draw(small), draw(small))
    groups, inputs, outputs = {
        "any": (draw(small), draw(small), draw(small)),
        "depthwise": (draw(st.integers(1, 5)), 1, 1),
        "pointwise": (1, draw(st.integers(1, 5)), draw(st.integers(1, 5))),
        "image": (1, draw(small), draw(st.integers(1, 5))),
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
