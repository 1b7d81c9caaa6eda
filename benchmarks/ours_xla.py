"""The project's own programs on the backend's convolutions, which are what Flax's `nn.Conv` runs."""

from benchmarks import ours
from benchmarks.program import Program


def build(model: str, batch: int) -> Program:
    """As `ours.build`, with `model.convolution=xla`."""
    return ours.build(model, batch, "xla")
