"""MobileNetV2 with weights, for use without a run: `flowers_jax.models.mobilenet_v2.load`."""

from typing import Any, NamedTuple

import jax

from flowers_jax.models.initial import initial_variables
from flowers_jax.models.mobilenet_v2.network import MobileNetV2
from flowers_jax.models.mobilenet_v2.weights import IMPORTER
from flowers_jax.models.weights.pretrained import IMAGENET, Variables, open_weights
from flowers_jax.preprocessing import Preprocessing


class Pretrained(NamedTuple):
    """A module, its variables, and what its weights want their input to be."""

    module: MobileNetV2
    variables: Variables
    preprocessing: Preprocessing


def load(
    weights: str = "auto", alpha: float = 1.0, num_classes: int = 1000, head: str = "pool", **fields: Any
) -> Pretrained:
    """MobileNetV2 with weights: `module.apply(variables, preprocessing.normalize(images), train=False)`.

    Args:
        weights: `auto`, `none`, a name of `weights.KNOWN`, or a `.pth`, `.safetensors`, `.h5` or `.npz` file.
        num_classes: with 1000 and the head `pool` it is the weights' own ImageNet classifier, else one that starts at
            zero.
        fields: others of `MobileNetV2`.

    Raises:
        UsageError: the weights cannot be had, or are of another network.
    """
    file = None if weights == "none" else open_weights(IMPORTER, weights, {"alpha": alpha})
    if file:
        fields = file.fields | fields
    module = MobileNetV2(num_classes, alpha, head, **fields)
    preprocessing = file.preprocessing if file else IMAGENET
    imagenet = num_classes == 1000 and head == "pool"
    variables = initial_variables(module, preprocessing.size, jax.random.key(0), file, head=imagenet)
    return Pretrained(module, variables, preprocessing)
