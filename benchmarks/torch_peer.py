"""The same networks in PyTorch, channels_last and eager."""

from collections.abc import Callable

import torch  # type: ignore[import-not-found]

from benchmarks import LEARNING_RATE, SIZES
from benchmarks.program import Program
from benchmarks.torch_networks import NETWORKS


def build(model: str, batch: int, compile_network: Callable = lambda network: network) -> Program:
    """From float32 tensors that are on the device already."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = NETWORKS[model](SIZES[model]).to(device, memory_format=torch.channels_last)
    x = torch.randn(batch, 3, SIZES[model], SIZES[model], device=device).to(memory_format=torch.channels_last)
    y = torch.arange(batch, device=device) % 5
    optimizer, loss_of = torch.optim.Adam(network.parameters(), LEARNING_RATE), torch.nn.CrossEntropyLoss()
    run = compile_network(network)

    def train() -> float:
        network.train()
        optimizer.zero_grad()
        loss = loss_of(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def predict() -> object:
        network.eval()
        with torch.inference_mode():
            return run(x).cpu()

    return Program(train, predict, "gpu" if device == "cuda" else "cpu", "float32", f"torch {torch.__version__}")
