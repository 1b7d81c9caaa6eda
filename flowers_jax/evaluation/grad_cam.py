"""Grad-CAM: which parts of a photograph speak for a class, after Selvaraju et al. 2017, https://arxiv.org/abs/1610.02391.

The last activations of a model that still have a height and a width are its last view of where something is. Each of
their channels is weighted by the gradient of the logit of a class, averaged over space. The map is the positive part of
the weighted sum of the channels.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.module import InterceptorContext
from jaxtyping import Array, Float32, UInt8
from PIL import Image

from flowers_jax.errors import UsageError
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.models.features import Variables
from flowers_jax.models.initial import shapes
from flowers_jax.models.layers import at_least_float32
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel

COLOURS, STRONGEST = "inferno", 0.65
"""A perceptually uniform colour map of Matplotlib, and the share of it where a map is 1."""

PREDICTED = -1
"""In place of the number of a class: the class that the model predicts."""

AT_ONCE = 16
"""Images of a batch: whoever looks at maps looks at few."""

_compiled: weakref.WeakKeyDictionary[TrainedModel, Callable[..., Any]] = weakref.WeakKeyDictionary()


def grad_cam(
    model: TrainedModel, images: UInt8[np.ndarray, "n size size 3"], classes: Sequence[int] | np.ndarray | None = None
) -> Float32[np.ndarray, "n h w"]:
    """A map of each image, float32 [N, h, w], from 0 to 1 at its strongest place; 0 where nothing speaks for the class.

    A model that predicts from an image and its mirror image (`evaluation.flip`) is explained by the image alone.

    Args:
        images: uint8 [N, size, size, 3], as the model sees them (`evaluation.images.read_in_batches`). The model is
            compiled once, for batches of one size.
        classes: the number of a class for each image; None for the class that the model predicts.

    Raises:
        UsageError: no activations of the model have a height and a width.
    """
    if classes is not None and not all(0 <= number < len(model.classes) for number in classes):
        raise UsageError(f"classes={classes}: must be numbers from 0 to {len(model.classes) - 1}")
    chosen = np.full(len(images), PREDICTED, np.int32) if classes is None else np.asarray(classes, np.int32)
    if model not in _compiled:
        program = _make_program(model.module, model.preprocessing, model.spec.name)
        _compiled[model] = parallel.map_predict(program, model.devices)
    size, maps = parallel.round_up(AT_ONCE, len(model.devices)), []
    for start in range(0, len(images), size):
        rows = np.arange(start, min(len(images), start + size))
        filled = np.resize(rows, size)
        batch = parallel.host_shards({"images": images[filled], "classes": chosen[filled]}, model.devices)
        heat = jax.device_get(_compiled[model](model.variables, batch))
        maps.append(heat.reshape(size, *heat.shape[-2:])[: len(rows)])
    return np.concatenate(maps) if maps else np.zeros((0, 1, 1), np.float32)


def overlay(
    photograph: Image.Image | UInt8[np.ndarray, "height width 3"], heat: Float32[np.ndarray, "h w"]
) -> Image.Image:
    """The photograph, RGB in its own size, with a map of `grad_cam` in colours over it; clear where the map is 0."""
    from matplotlib import colormaps  # loads slowly

    picture = (photograph if isinstance(photograph, Image.Image) else Image.fromarray(photograph)).convert("RGB")
    heat = np.asarray(Image.fromarray(heat).resize(picture.size, Image.Resampling.BICUBIC)).clip(0, 1)
    colours = 255 * colormaps[COLOURS](heat)[..., :3]
    share = STRONGEST * heat[..., None]
    return Image.fromarray(np.round((1 - share) * np.asarray(picture) + share * colours).astype(np.uint8))


def _make_program(module: nn.Module, preprocessing: Preprocessing, name: str) -> Callable[[Variables, Any], Array]:
    place, shape = _last_spatial(module, preprocessing.size, name)

    def program(variables: Variables, batch: dict[str, Array]) -> Float32[Array, "b h w"]:
        images, classes = preprocessing.normalize(batch["images"]), batch["classes"]

        def score(delta: Array) -> tuple[Array, Array]:
            with _added(place, delta) as activations:
                logits = module.apply(variables, images, train=False)
            of_class = jnp.where(classes == PREDICTED, logits.argmax(-1), classes)  # type: ignore[attr-defined]
            return jnp.take_along_axis(logits, of_class[:, None], -1).sum(), activations[0]  # type: ignore[arg-type]

        zero = jnp.zeros((len(images), *shape.shape[1:]), shape.dtype)
        gradient, activations = jax.grad(score, has_aux=True)(zero)
        return _map(at_least_float32(activations), at_least_float32(gradient))

    return program


def _map(activations: Float32[Array, "b h w c"], gradient: Float32[Array, "b h w c"]) -> Float32[Array, "b h w"]:
    weights = gradient.mean((1, 2), keepdims=True)
    heat = nn.relu((weights * activations).sum(-1))
    largest = heat.max((1, 2), keepdims=True)
    return heat / jnp.where(largest > 0, largest, 1)


def _last_spatial(module: nn.Module, size: int, name: str) -> tuple[int, Any]:
    """Which call of a submodule, counted by when they end, gives the last [B, h, w, C] above 1x1; and its shape."""
    found: list[tuple[int, Any]] = []

    def record(number: int, output: Any) -> Any:
        if getattr(output, "ndim", 0) == 4 and min(output.shape[1:3]) > 1:
            found.append((number, jax.ShapeDtypeStruct(output.shape, output.dtype)))
        return output

    with _each_output(record):
        shapes(module, size)
    if not found:
        raise UsageError(
            f"model {name!r}: no submodule gives activations [B, h, w, C] above 1x1 for images of {size} pixels, so "
            "Grad-CAM has nothing to weigh"
        )
    return found[-1]


@contextmanager
def _added(place: int, delta: Array) -> Iterator[list[Array]]:
    """Within this context `delta` is added to the output of call `place`, which is put into the list."""
    seen: list[Array] = []

    def add(number: int, output: Any) -> Any:
        if number != place:
            return output
        seen.append(output)
        return output + delta

    with _each_output(add):
        yield seen


@contextmanager
def _each_output(change: Callable[[int, Any], Any]) -> Iterator[None]:
    """Within this context calls of submodules return `change(number, output)`, numbered in the order of their ends."""
    ended = iter(range(2**31))

    def intercept(call: Any, args: tuple[Any, ...], kwargs: dict[str, Any], context: InterceptorContext) -> Any:
        output = call(*args, **kwargs)
        return change(next(ended), output) if context.method_name == "__call__" else output

    with nn.intercept_methods(intercept):
        yield
