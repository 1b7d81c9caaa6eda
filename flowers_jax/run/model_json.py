"""`model.json`: the description from which the model of a run is built again. It names code and never runs it."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp

from flowers_jax.errors import ChangedCode
from flowers_jax.outside import is_outside, sha256
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime.precision import PRECISIONS


def describe(
    name: str,
    classes: tuple[str, ...],
    fields: Mapping[str, Any],
    preprocessing: Preprocessing,
    parts: Iterable[str] = (),
) -> dict[str, Any]:
    """The part of `model.json` from which the module is built.

    Args:
        name: `config.model.name`; for code outside the package the SHA-256 of its file is written too.
        fields: the fields of the module.
        parts: the names of the loss and the metrics, which evaluation needs; for code outside the package the SHA-256
            of its file is written.
    """
    dtype = {"dtype": jnp.dtype(fields["dtype"]).name} if "dtype" in fields else {}
    return {
        "name": name,
        **({"code_sha256": sha256(name)} if is_outside(name) else {}),
        "classes": list(classes),
        "fields": {**fields, **dtype},
        "preprocessing": vars(preprocessing),
        "parts_sha256": {part: sha256(part) for part in parts if is_outside(part)},
    }


def check_code(code: str, recorded: str | None, said_by: str) -> None:
    """Warn if code outside the package has changed since the run started.

    Args:
        recorded: the SHA-256 of its file that a description has.
        said_by: the file of the description.
    """
    if is_outside(code) and sha256(code) != recorded:
        warnings.warn(f"{code}: the SHA-256 of its file is not that in {said_by}", ChangedCode, stacklevel=3)


def fields_of(description: Mapping[str, Any]) -> dict[str, Any]:
    """The module's fields, with the dtype of the training if the module has one."""
    fields = dict(description["fields"])
    dtypes = {name: jnp.dtype(name) for name in PRECISIONS if name != "auto"}
    return fields | {"dtype": dtypes[fields["dtype"]]} if "dtype" in fields else fields


def preprocessing_of(description: Mapping[str, Any]) -> Preprocessing:
    """The input that the model expects."""
    values = description["preprocessing"]
    return Preprocessing(**values | {name: tuple(values[name]) for name in ("mean", "std")})
