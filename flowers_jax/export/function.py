"""A trained model as one pure function from pixels to probabilities: what every format holds."""

import dataclasses
from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import Array, Float32

from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.models.features import Variables
from flowers_jax.preprocessing import Pixels, Preprocessing
from flowers_jax.types import Images, Logits

Probabilities = Float32[Array, "batch classes"]
Function = Callable[[Variables, Images | Pixels], Probabilities]


def function_of(model: TrainedModel, convolution: str) -> Function:
    """`f(variables, images)`: uint8 [B, S, S, 3] -> float32 [B, classes], as `model.predict`; B may be symbolic.

    It normalises, averages over the mirrored view where the run does, divides by the temperature and takes softmax. It
    takes the same pixels as float32, too.

    Args:
        convolution: one of `ops.PATHS`, whichever the run had: `auto` where the file runs on several platforms, `xla`
            where it is converted to the operations of another runtime.
    """
    module = model.module
    if "convolution" in {field.name for field in dataclasses.fields(module)}:
        module = module.clone(convolution=convolution)
    return of_module(module, model.preprocessing, model.flip, model.temperature)


def with_weights(model: TrainedModel, convolution: str) -> Callable[[Images | Pixels], Probabilities]:
    """`function_of` the model with its weights, which are constants of the program, on one device."""
    variables = jax.tree.map(jnp.asarray, jax.device_get(model.variables))
    return partial(function_of(model, convolution), variables)


def of_module(module: nn.Module, preprocessing: Preprocessing, flip: bool, temperature: float) -> Function:
    """`function_of` the parts of a model."""

    def logits(variables: Variables, images: Images | Pixels) -> Logits:
        return module.apply(variables, preprocessing.normalize(images), train=False)  # type: ignore[return-value]

    def probabilities(variables: Variables, images: Images | Pixels) -> Probabilities:
        scores = logits(variables, images)
        if flip:
            scores = (scores + logits(variables, jnp.flip(images, 2))) / 2
        return jax.nn.softmax(scores / temperature)

    return probabilities


def symbolic_images(model: TrainedModel) -> jax.ShapeDtypeStruct:
    """The input of the function, uint8 [batch, S, S, 3] of any `batch`, to trace it with."""
    size = model.preprocessing.size
    return jax.ShapeDtypeStruct(export.symbolic_shape(f"batch, {size}, {size}, 3"), jnp.uint8)
