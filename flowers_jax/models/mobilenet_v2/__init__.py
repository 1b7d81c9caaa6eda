"""MobileNetV2: its layout, its network, and its tensors under other libraries' names."""

from flowers_jax.models.mobilenet_v2.layout import CONVENTIONS, make_divisible
from flowers_jax.models.mobilenet_v2.network import Backbone, MobileNetV2, Pretrained, load

__all__ = ["CONVENTIONS", "Backbone", "MobileNetV2", "Pretrained", "load", "make_divisible"]
