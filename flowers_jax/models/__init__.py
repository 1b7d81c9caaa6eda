"""The models. Importing this package registers its own; `registry` finds those of others too."""

from dataclasses import replace

from flowers_jax.models import mobilenet_v2, cnn, seed_cnn as simplest, efficientnet_lite  # isort: skip  (their order in lists)
from flowers_jax.models.load import Pretrained, load
from flowers_jax.models.registry import MODELS, ModelSpec, create, find, register
from flowers_jax.outside import is_outside
from flowers_jax.preprocessing import Preprocessing

__all__ = [
    "MODELS", "ModelSpec", "Pretrained", "cnn", "create", "efficientnet_lite", "find", "is_outside", "load",
    "mobilenet_v2", "preprocessing", "register", "simplest",
]  # fmt: skip


def preprocessing(name: str, size: int) -> Preprocessing:
    """What the model of that name wants its input to be, at that size."""
    return replace(find(name).preprocessing, size=size)
