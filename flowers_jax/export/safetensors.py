"""safetensors, the parameters without the network: for code that has the network already.

`model.safetensors` has Flax's names, and in its header the description, from which this package builds the network
again. Beside it `model.LIBRARY.safetensors` has the names and layouts of the library that the pretrained weights came
from, where the model has such weights.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from flax import traverse_util

from flowers_jax.errors import UsageError, first_line
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.export.description import describe, tensors_of
from flowers_jax.export.function import Function, of_module
from flowers_jax.export.registry import Artifact, Exported, Exporter, register
from flowers_jax.models import find
from flowers_jax.models.initial import shapes
from flowers_jax.models.weights import named_tensors
from flowers_jax.models.weights.pretrained import Named, known_file
from flowers_jax.outside import is_outside
from flowers_jax.run.model_json import fields_of, preprocessing_of


def write(exported: Exported, path: Path) -> None:
    """
    Raises:
        UsageError: the model is code outside the package, which the file could not name safely.
    """
    model = exported.model
    description = describe(model)
    if is_outside(description["model"]):
        raise UsageError(
            f"--format=safetensors: the network {description['model']} is not of the package, and such a file never "
            "runs code: take another format, or save flowers_jax.load(RUN, code=...).variables"
        )
    save(tensors_of(model.variables), path, {"description": json.dumps(description)})
    if named := original_names(model):
        beside = path.with_suffix(f".{named.library}{path.suffix}")
        save(named.tensors, beside, {"names": named.library, "classes": json.dumps(description["classes"])})


def original_names(model: TrainedModel) -> Named | None:
    """The parameters as the file of the pretrained weights had them; None without one, or if it had no such head."""
    importer, described = model.spec.weights, model.run.read_model()
    if importer is None or not described["weights"]["sha256"]:
        return None
    known = known_file(importer, described["weights"]["sha256"])
    return importer.export(jax.device_get(model.variables), described["fields"], known)


def read(path: Path) -> Artifact:
    """The network is built from the description; no code outside the package runs.

    Raises:
        UsageError: it is not such a file, or is of a model that this version does not have.
    """
    try:
        with safetensors.safe_open(path, "numpy") as file:
            description = json.loads(file.metadata()["description"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        function, variables = _network(description, tensors)
    except Exception as error:  # a damaged or hostile file fails in any way
        raise UsageError(
            f"{path}: not a .safetensors file of export.py in Flax's names ({first_line(error)})"
        ) from error
    program = jax.jit(function)
    return Artifact(description, lambda images: np.asarray(program(variables, images)))


def _network(description: dict[str, Any], tensors: dict[str, np.ndarray]) -> tuple[Function, dict[str, Any]]:
    """The function and its variables, which are those of the network, neither more nor fewer."""
    if is_outside(description["model"]):
        raise UsageError(f"its network {description['model']} is code outside the package")
    fields = fields_of(description)
    fields |= {"dtype": jnp.float32} if "dtype" in fields else {}
    module, preprocessing = (
        find(description["model"]).module(len(description["classes"]), **fields),
        preprocessing_of(description),
    )
    template = {"batch_stats": {}} | shapes(module, preprocessing.size)
    names = {name: name for name in traverse_util.flatten_dict(template, sep="/")}
    variables = named_tensors.fill(template, tensors, names, lambda _, tensor: tensor, description["model"])
    return of_module(module, preprocessing, description["flip"], description["temperature"]), variables


def save(tensors: dict[str, np.ndarray], path: Path, metadata: dict[str, str]) -> None:
    """Write tensors of any strides."""
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    path.write_bytes(safetensors.numpy.save(whole, metadata))


register(Exporter("safetensors", ".safetensors", write, read))
