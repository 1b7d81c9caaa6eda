"""PyTorch with `torch.compile`."""

import torch  # type: ignore[import-not-found]

from benchmarks import torch_peer
from benchmarks.program import Program


def build(model: str, batch: int) -> Program:
    """As `torch_peer.build`, compiled."""
    return torch_peer.build(model, batch, torch.compile)
