"""The models by name."""

from dataclasses import replace
from typing import Any

import flax.linen as nn

from flowers_jax.errors import UsageError
from flowers_jax.models.cnn import ResidualCNN
from flowers_jax.models.mobilenet_v2 import MobileNetV2
from flowers_jax.models.seed_cnn import SeedCNN
from flowers_jax.models.weights import pretrained
from flowers_jax.preprocessing import Preprocessing

MODELS: dict[str, type[nn.Module]] = {"mobilenet_v2": MobileNetV2, "cnn": ResidualCNN, "seed_cnn": SeedCNN}


def create(name: str, num_classes: int, **kw: Any) -> nn.Module:
    """The module of that name; `kw` are its own fields (`alpha`, `head`, `dtype`, ...).

    Raises:
        UsageError: no such model, or a field that it does not have.
    """
    if name not in MODELS:
        raise UsageError(f"no model {name!r}: --config.model.name is one of {', '.join(MODELS)}")
    try:
        return MODELS[name](num_classes=num_classes, **kw)
    except TypeError as error:
        raise UsageError(f"model {name!r}: {error}") from error


def preprocessing(name: str, size: int) -> Preprocessing:
    """What the model of that name wants its input to be."""
    if name == "mobilenet_v2":
        return replace(pretrained.IMAGENET, size=size)
    if name == "seed_cnn":  # as the course has it: squeezed into the square, rescaled by 1/255
        return Preprocessing(size, "stretch", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Preprocessing(size, "crop", 1.0)
