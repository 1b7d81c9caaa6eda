"""ResNet-18 as one writes it in plain Flax, outside the package, and its `ModelSpec`: the example of docs/extending.md.

Source: He et al. 2015, https://arxiv.org/abs/1512.03385; names as torchvision's `models/resnet.py`.
"""

from functools import partial

import flax.linen as nn

from flowers_jax.models.features import before
from flowers_jax.models.groups import groups
from flowers_jax.models.registry import ModelSpec


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    channels: int
    stride: int
    axis_name: str | None

    @nn.compact
    def __call__(self, x, train):
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, axis_name=self.axis_name)
        y = nn.Conv(self.channels, (3, 3), self.stride, use_bias=False)(x)
        y = nn.Conv(self.channels, (3, 3), use_bias=False)(nn.relu(norm()(y)))
        y = norm(scale_init=nn.initializers.zeros)(y)
        if x.shape != y.shape:
            x = norm()(nn.Conv(self.channels, (1, 1), self.stride, use_bias=False)(x))
        return nn.relu(x + y)


class Stage(nn.Module):
    """Two blocks."""

    channels: int
    stride: int
    axis_name: str | None

    @nn.compact
    def __call__(self, x, train):
        x = Block(self.channels, self.stride, self.axis_name)(x, train)
        return Block(self.channels, 1, self.axis_name)(x, train)


class ResNet18(nn.Module):
    """[B, H, W, 3] -> [B, num_classes]."""

    num_classes: int
    axis_name: str | None = None
    width: int = 64

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(self.width, (7, 7), 2, use_bias=False, name="stem")(x)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), padding="SAME")
        for number, stride in enumerate((1, 2, 2, 2), start=1):
            x = Stage(self.width * 2 ** (number - 1), stride, self.axis_name, name=f"stage_{number}")(x, train)
        return nn.Dense(self.num_classes, name="head")(x.mean((1, 2)))


SPEC = ModelSpec(
    "resnet18",
    ResNet18,
    groups=groups("stem", "stage_1", "stage_2", "stage_3", "stage_4", "head"),
    features=before("head"),
)
