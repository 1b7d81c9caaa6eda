"""Makes torchvision.npz with PyTorch 2.13 (`pip install torch==2.13.0`).

python -m tests.goldens.make_torchvision_goldens

torchvision's MobileNetV2 (`models/mobilenetv2.py`), written out so that its state dict has the same names.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from tests.goldens.torchvision_case import ALPHA, CLASSES, SIZES, images, loss_weights, random_tensor, row

SETTINGS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


def make_divisible(value, divisor=8):
    new = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return new + divisor if new < 0.9 * value else new


def conv_bn_relu(inputs, outputs, kernel_size=3, stride=1, groups=1):
    conv = nn.Conv2d(inputs, outputs, kernel_size, stride, (kernel_size - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expand):
        super().__init__()
        hidden = inputs * expand
        self.add = stride == 1 and inputs == outputs
        layers = [conv_bn_relu(inputs, hidden, 1)] if expand != 1 else []
        layers += [
            conv_bn_relu(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv(x) if self.add else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        inputs = make_divisible(32 * ALPHA)
        features = [conv_bn_relu(3, inputs, stride=2)]
        for expand, channels, count, stride in SETTINGS:
            for index in range(count):
                outputs = make_divisible(channels * ALPHA)
                features.append(InvertedResidual(inputs, outputs, stride if index == 0 else 1, expand))
                inputs = outputs
        last = make_divisible(1280 * max(1.0, ALPHA))
        self.features = nn.Sequential(*features, conv_bn_relu(inputs, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(last, CLASSES))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def run(size, train):
    """Stored statistics in float32, those of the batch in float64."""
    dtype = torch.float64 if train else torch.float32
    model = MobileNetV2()
    model.load_state_dict(
        {name: torch.from_numpy(random_tensor(name, tuple(t.shape))) for name, t in model.state_dict().items()}
    )
    model = model.to(dtype).train(train)
    blocks = {}
    for number, layer in enumerate(model.features):
        layer.register_forward_hook(lambda _, __, out, n=number: blocks.__setitem__(f"features.{n}", out))
    logits = model(torch.from_numpy(images(size)).permute(0, 3, 1, 2).to(dtype))
    (logits * torch.from_numpy(loss_weights()).to(dtype)).sum().backward()
    found = {f"activation/{n}": t.detach().permute(0, 2, 3, 1).numpy() for n, t in blocks.items()}
    found |= {f"gradient/{n}": p.grad.numpy() for n, p in model.named_parameters()}
    found |= {f"statistics/{n}": t.numpy() for n, t in model.named_buffers() if train and "running" in n}
    key = f"{size}/{'batch' if train else 'stored'}"
    return {
        f"{key}/logits": logits.detach().numpy(),
        f"{key}/names": np.array(list(found)),
        f"{key}/rows": np.stack([row(name, array) for name, array in found.items()]),
    }


if __name__ == "__main__":
    goldens = {}
    for size in SIZES:
        goldens |= run(size, train=False) | run(size, train=True)
    np.savez_compressed(Path(__file__).parent / "torchvision.npz", **goldens)
