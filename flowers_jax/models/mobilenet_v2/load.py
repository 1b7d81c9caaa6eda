"""MobileNetV2 with weights, for use without a run: `flowers_jax.models.mobilenet_v2.load`."""

from typing import Any

from flowers_jax.models.load import Pretrained
from flowers_jax.models.load import load as load_model


def load(
    weights: str = "auto", alpha: float = 1.0, num_classes: int = 1000, head: str = "pool", **fields: Any
) -> Pretrained:
    """`models.load` of MobileNetV2.

    Args:
        weights: `auto`, `none`, a name of `weights.KNOWN`, or a `.pth`, `.safetensors`, `.h5` or `.npz` file.
        num_classes: with 1000 and the head `pool` it is the weights' own ImageNet classifier, else one that starts at
            zero.
        fields: others of `MobileNetV2`.

    Raises:
        UsageError: the weights cannot be had, or are of another network.
    """
    return load_model("mobilenet_v2", weights, num_classes, alpha=alpha, head=head, **fields)
