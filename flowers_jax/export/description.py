"""What a file says of the model that it holds: everything that a program needs to feed it and to read its output."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from flax import traverse_util

import flowers_jax
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.models.features import Variables
from flowers_jax.models.weights.pretrained import known_file

PHOTOGRAPHS = "The photographs that it was trained on may have licences of their own."


def describe(model: TrainedModel) -> dict[str, Any]:
    """Values of JSON.

    Returns:
        `classes` in the order of the output; `input` in words; `preprocessing`: all fields of `Preprocessing`, of which
        `size`, `resize`, `crop` and `interpolation` are the caller's work and the others are within the file;
        `model`, `fields`, `flip`, `temperature`; `weights_sha256`: of the file of pretrained weights, "" without one;
        `parameters_sha256`: of the trained parameters; `licence`; `flowers_jax`: the version.
    """
    described = model.run.read_model()
    return {
        "classes": list(model.classes),
        "input": f"uint8 [batch, {model.preprocessing.size}, {model.preprocessing.size}, 3], RGB of 0 to 255",
        "output": f"float32 [batch, {len(model.classes)}], probabilities",
        "preprocessing": described["preprocessing"],
        "model": described["name"],
        "fields": described["fields"],
        "flip": model.flip,
        "temperature": model.temperature,
        "weights_sha256": described["weights"]["sha256"],
        "parameters_sha256": parameters_sha256(model.variables),
        "licence": _licence(model, described["weights"]),
        "flowers_jax": flowers_jax.__version__,
    }


def parameters_sha256(variables: Variables) -> str:
    """Of the names, the shapes and the float32 bytes of all tensors, sorted by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors_of(variables).items()):
        digest.update(f"{name} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor, np.float32).tobytes())
    return digest.hexdigest()


def tensors_of(variables: Variables) -> dict[str, np.ndarray]:
    """By Flax's names, as `params/head/kernel`."""
    flat = traverse_util.flatten_dict(jax.device_get(variables), sep="/")
    return {name: np.asarray(tensor) for name, tensor in flat.items()}


def _licence(model: TrainedModel, weights: Mapping[str, str]) -> str:
    """A note on the licences of what the model was made from."""
    if not weights["sha256"]:
        return f"No pretrained weights. {PHOTOGRAPHS}"
    found = known_file(model.spec.weights, weights["sha256"]) if model.spec.weights else None
    whose = f"{found.licence} ({found.name})" if found else f"not known; ask who gave you {weights['name']}"
    return f"Licence of the pretrained weights: {whose}. {PHOTOGRAPHS}"
