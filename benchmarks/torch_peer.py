"""The same networks in PyTorch, channels_last; eager, or with `torch.compile`, or in mixed precision."""

from collections.abc import Callable
from functools import partial

import torch  # type: ignore[import-not-found]

from benchmarks import LEARNING_RATE, SIZES
from benchmarks.program import Program
from benchmarks.torch_networks import NETWORKS


def build(
    model: str, batch: int, compile_network: Callable = lambda network: network, *, autocast: bool = False
) -> Program:
    """From float32 tensors that are on the device already.

    Args:
        autocast: activations are bfloat16 where PyTorch says that is safe.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = NETWORKS[model](SIZES[model]).to(device, memory_format=torch.channels_last)
    x = torch.randn(batch, 3, SIZES[model], SIZES[model], device=device).to(memory_format=torch.channels_last)
    y = torch.arange(batch, device=device) % 5
    optimizer, loss_of = torch.optim.Adam(network.parameters(), LEARNING_RATE), torch.nn.CrossEntropyLoss()
    run = compile_network(network)
    precision = partial(torch.autocast, device, torch.bfloat16, enabled=autocast)

    def train() -> float:
        network.train()
        optimizer.zero_grad()
        with precision():
            loss = loss_of(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def predict() -> object:
        network.eval()
        with torch.inference_mode(), precision():
            return run(x).cpu()

    dtype = "bfloat16" if autocast else "float32"
    return Program(train, predict, "gpu" if device == "cuda" else "cpu", dtype, f"torch {torch.__version__}")


def compiled(model: str, batch: int) -> Program:
    return build(model, batch, torch.compile)


def amp(model: str, batch: int) -> Program:
    return build(model, batch, autocast=True)


def amp_compiled(model: str, batch: int) -> Program:
    return build(model, batch, torch.compile, autocast=True)
