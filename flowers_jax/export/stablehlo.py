"""StableHLO, the programs of XLA, as `jax.export` serializes them: for a server that has JAX and not this package.

One file runs on CPU, CUDA and TPU and takes any number of images at a time. A JSON file beside it describes it.
"""

import datetime
import json
from pathlib import Path

import jax
import numpy as np
from jax import export

from flowers_jax.errors import UsageError, first_line
from flowers_jax.export.description import describe
from flowers_jax.export.function import symbolic_images, with_weights
from flowers_jax.export.registry import Artifact, Exported, Exporter, register

PLATFORMS = ("cpu", "cuda", "tpu")

EXPIRY = (
    "JAX promises to read this file in the versions of the six months after JAX {jax}; later ones may refuse it. Keep "
    "the run directory: it is the archive, and a new export of it is the remedy."
)
"""Source: docs.jax.dev, "Exporting and serializing", compatibility guarantees."""


def write(exported: Exported, path: Path) -> None:
    """The program with its weights to `path`, and its description to the same path with `.json` appended."""
    model = exported.model
    program = jax.jit(with_weights(model, "auto"))
    whole = export.export(program, platforms=PLATFORMS)(symbolic_images(model))
    path.write_bytes(whole.serialize())
    expiry = {
        "written": datetime.date.today().isoformat(),
        "jax": jax.__version__,
        "expiry": EXPIRY.format(jax=jax.__version__),
    }
    text = json.dumps(describe(model) | {"platforms": PLATFORMS} | expiry, indent=2)
    _beside(path).write_text(text + "\n", "utf-8")


def read(path: Path) -> Artifact:
    """
    Raises:
        UsageError: it is not such a file, it has expired, or its description is missing.
    """
    try:
        description = json.loads(_beside(path).read_text("utf-8"))
        program = jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
    except Exception as error:  # a damaged file fails in the parser of another package, in any way
        raise UsageError(f"{path}: not a StableHLO file of export.py, or too old for JAX {jax.__version__} "
                         f"({first_line(error)})") from error  # fmt: skip
    return Artifact(description, lambda images: np.asarray(program(images)))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


register(Exporter("stablehlo", ".stablehlo", write, read))
