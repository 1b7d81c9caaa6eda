"""A model with pretrained weights, for use without a run: `flowers_jax.models.load`."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax

from flowers_jax.models.initial import initial_variables
from flowers_jax.models.registry import find
from flowers_jax.models.weights.pretrained import Variables, open_weights
from flowers_jax.preprocessing import Preprocessing


class Pretrained(NamedTuple):
    """A module, its variables, and what its weights want their input to be."""

    module: nn.Module
    variables: Variables
    preprocessing: Preprocessing


def load(name: str, weights: str = "auto", num_classes: int = 1000, **fields: Any) -> Pretrained:
    """A model with weights: `module.apply(variables, preprocessing.normalize(images), train=False)`.

    Args:
        name: of a model, as `config.model.name`.
        weights: `auto`, `none`, the name of known weights, or a `.pth`, `.safetensors`, `.h5` or `.npz` file.
        num_classes: with 1000 the head is the weights' own ImageNet classifier, else a new one.
        fields: of the module, as `alpha` or `version`.

    Raises:
        UsageError: there is no such model, or the weights cannot be had, or are of another network.
    """
    spec = find(name)
    options = {key: option.default for key, option in spec.options.items()} | fields
    importer = spec.importer(weights)
    file = open_weights(importer, weights, options) if importer else None
    module = spec.module(num_classes, **(file.fields if file else {}) | fields)
    preprocessing = file.preprocessing if file else spec.preprocessing
    variables = initial_variables(module, preprocessing.size, jax.random.key(0), file, head=num_classes == 1000)
    return Pretrained(module, variables, preprocessing)
