"""The formats by name: each writes a trained model to a file, and reads it back with the runtime of the format alone.

A format is one file or folder that ends in one registration:

    register(Exporter("my_format", ".mine", write, read, packages=("my_runtime",)))
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flowers_jax.errors import UsageError, nearest
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.registry import Registry

Predict = Callable[[np.ndarray], np.ndarray]
"""uint8 [N, S, S, 3] -> probabilities, float [N, classes]; N is any number of at least 1."""


class Exported(NamedTuple):
    """What is exported.

    Attributes:
        model: with activations in float32.
        data: where its photographs are, `--data`; "" for those of the run itself.
    """

    model: TrainedModel
    data: str = ""


class Artifact(NamedTuple):
    """A file that was read back.

    Attributes:
        description: what `description.describe` said when it was written.
    """

    description: Mapping[str, Any]
    predict: Predict


@dataclass(frozen=True)
class Exporter:
    """A format.

    Attributes:
        name: of `--format`.
        suffix: of the file, or of the folder if it is one. `read` of the longest suffix that fits reads it.
        write: writes to a path that does not exist, in a folder that is renamed when all is done. It may write more
            files beside it.
        read: from the path to what the file says and computes. Raises UsageError if it is no such file.
        packages: the modules of the extra `export` that `write` and `read` import.
        tolerance: the largest difference of a probability from the model's that is accepted.
        least_agreement, wanted_agreement: the fractions of photographs with the model's class below which an export
            fails, and below which it warns.
    """

    name: str
    suffix: str
    write: Callable[[Exported, Path], None]
    read: Callable[[Path], Artifact]
    packages: tuple[str, ...] = ()
    tolerance: float = 1e-4
    least_agreement: float = 0.0
    wanted_agreement: float = 0.0


EXPORTERS = Registry("format", Exporter)
register = EXPORTERS.register


def find(name: str) -> Exporter:
    """The format of that name, whose packages are there.

    Raises:
        UsageError: there is none of that name, or one of its packages is not installed.
    """
    if name not in EXPORTERS:
        raise UsageError(f"--format={name}: must be one of {', '.join(EXPORTERS)}{nearest(name, EXPORTERS)}")
    return _usable(EXPORTERS[name], f"--format={name}")


def of_file(path: Path) -> Exporter:
    """The format of a file, by its suffix.

    Raises:
        UsageError: there is no such file, its suffix is of no format, or a package is not installed.
    """
    flag = f"--artifact={path}"
    if not path.exists():
        raise UsageError(f"{flag}: no such file; export.py writes one")
    fitting = [exporter for exporter in EXPORTERS.values() if path.name.endswith(exporter.suffix)]
    if not fitting:
        suffixes = ", ".join(exporter.suffix for exporter in EXPORTERS.values())
        raise UsageError(f"{flag}: its name must end in one of {suffixes}")
    return _usable(max(fitting, key=lambda exporter: len(exporter.suffix)), flag)


def _usable(exporter: Exporter, flag: str) -> Exporter:
    missing = [package for package in exporter.packages if importlib.util.find_spec(package) is None]
    if missing:
        names = [package.replace("_", "-") for package in missing]
        raise UsageError(f"{flag}: needs {', '.join(names)}, not installed: pip install {' '.join(names)}")
    return exporter
