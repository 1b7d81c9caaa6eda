"""Makes grad_cam.npz with PyTorch 2.13 (`pip install torch==2.13.0`): Grad-CAM by a hook and autograd.

python -m tests.goldens.make_grad_cam_goldens
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.goldens.grad_cam_case import CHANNELS, CLASSES, classes, images, weights


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        inputs = 3
        for layer, outputs in enumerate(CHANNELS):
            setattr(self, f"conv_{layer}", nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False))
            setattr(self, f"norm_{layer}", nn.BatchNorm2d(outputs))
            inputs = outputs
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(inputs, CLASSES)

    def forward(self, x):
        x = torch.relu(self.norm_0(self.conv_0(x)))
        x = torch.relu(self.norm_1(self.conv_1(x)))
        return self.head(self.pool(x).mean((2, 3)))


if __name__ == "__main__":
    network = Network().eval()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights().items()}, strict=False)
    kept = []
    network.pool.register_forward_hook(lambda _, __, out: kept.append(out))
    x = torch.from_numpy(images()).permute(0, 3, 1, 2).float() / 255
    logits = network(x)
    (gradient,) = torch.autograd.grad(logits[torch.arange(len(x)), torch.from_numpy(classes())].sum(), kept[0])
    heat = torch.relu((gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1))
    heat = heat / heat.amax((1, 2), keepdim=True)
    np.savez_compressed(
        Path(__file__).parent / "grad_cam.npz", logits=logits.detach().numpy(), heat=heat.detach().numpy()
    )
