"""The networks in PyTorch, after torchvision's `mobilenetv2.py` and `resnet.py`."""

from collections.abc import Iterable

from torch import Tensor, nn  # type: ignore[import-not-found]

from benchmarks import CLASSES
from flowers_jax.models.efficientnet_lite import layout as efficientnet_lite_layout
from flowers_jax.models.inverted_residual import Block
from flowers_jax.models.mobilenet_v2 import layout as mobilenet_v2_layout


def _convolve(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *more: nn.Module
) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *more)


class InvertedResidual(nn.Module):
    """[B, C, H, W] -> [B, outputs, H / stride, W / stride]."""

    def __init__(self, inputs: int, block: Block):
        super().__init__()
        hidden = inputs * block.expansion
        expand = [_convolve(inputs, hidden, 1, 1, 1, nn.ReLU6(inplace=True))] if block.expansion > 1 else []
        depthwise = _convolve(hidden, hidden, block.kernel_size, block.stride, hidden, nn.ReLU6(inplace=True))
        self.layers = nn.Sequential(*expand, depthwise, _convolve(hidden, block.channels, 1))
        self.shortcut = block.stride == 1 and inputs == block.channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.shortcut else self.layers(x)


class ResidualBlock(nn.Module):
    """[B, C, H, W] -> [B, outputs, H / stride, W / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        first = _convolve(inputs, outputs, 3, stride, 1, nn.ReLU(inplace=True))
        self.layers = nn.Sequential(first, _convolve(outputs, outputs, 3))
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else _convolve(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.shortcut(x) + self.layers(x))


def mobilenet_v2(_size: int) -> nn.Module:
    """MobileNetV2 1.0."""
    return _inverted_residuals(mobilenet_v2_layout.blocks(1.0, whole_widths=False))


def efficientnet_lite(_size: int) -> nn.Module:
    """EfficientNet-Lite0, with PyTorch's padding."""
    return _inverted_residuals(efficientnet_lite_layout.blocks(0))


def _inverted_residuals(blocks: Iterable[Block]) -> nn.Module:
    """Both networks: a stem, the blocks, a last layer, the head."""
    inputs = 32
    layers: list[nn.Module] = [_convolve(3, inputs, 3, 2, 1, nn.ReLU6(inplace=True))]
    for block in blocks:
        layers.append(InvertedResidual(inputs, block))
        inputs = block.channels
    layers.append(_convolve(inputs, 1280, 1, 1, 1, nn.ReLU6(inplace=True)))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, CLASSES))


def cnn(_size: int) -> nn.Module:
    """As `models/cnn.py`."""
    blocks = [
        ResidualBlock(i, o, s)
        for i, o, s in ((32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1))
    ]
    stem = _convolve(3, 32, 3, 2, 1, nn.ReLU(inplace=True))
    return nn.Sequential(
        stem, nn.MaxPool2d(3, 2, 1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, CLASSES)
    )


def seed_cnn(size: int) -> nn.Module:
    """As `models/seed_cnn.py`."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * (size // 4) ** 2, CLASSES),
    )  # fmt: skip


NETWORKS = {"mobilenet_v2": mobilenet_v2, "efficientnet_lite": efficientnet_lite, "cnn": cnn, "seed_cnn": seed_cnn}
