"""A page in which the model runs: a folder of static files for any web server; photographs stay in the browser.

The files beside this one are the page. What they need of a model is `description.json`.
"""

import datetime
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.export import onnx
from flowers_jax.export.description import describe
from flowers_jax.export.page import runtime
from flowers_jax.export.registry import Artifact, Exported, Exporter, register
from flowers_jax.storage.fetch import sha256_of

MODEL, DESCRIPTION, RUNTIME = "model.onnx", "description.json", "runtime"
SUFFIXES = (".html", ".css", ".js")

SURE_FROM = 0.5
"""Below this probability of the likeliest class the page says "not sure": a calibrated model is then more often wrong
than right."""


def write(exported: Exported, path: Path) -> None:
    """The folder.

    Raises:
        UsageError: as `onnx.write`, or the runtime cannot be downloaded.
    """
    path.mkdir()
    runtime.unpack(path / RUNTIME)
    for file in resources.files("flowers_jax.export.page").iterdir():
        if file.name.endswith(SUFFIXES):
            (path / file.name).write_bytes(file.read_bytes())
    onnx.write(exported, path / MODEL)
    text = json.dumps(_description(exported.model, path / MODEL), indent=2)
    (path / DESCRIPTION).write_text(text + "\n", "utf-8")


def read(path: Path) -> Artifact:
    """The model of the page, run by onnxruntime.

    Raises:
        UsageError: it is no such folder.
    """
    return onnx.read(path / MODEL)


def _description(model: TrainedModel, file: Path) -> dict[str, Any]:
    """Of the model, and what a reader of the page wants to know."""
    return describe(model) | {
        "max_pixels": model.max_pixels,
        "sure_from": SURE_FROM,
        "test": _test(model.summary),
        "written": datetime.date.today().isoformat(),
        "model_sha256": sha256_of(file),
    }


def _test(summary: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the test of a finished run gave; None without one."""
    if summary is None or summary["test_interval"] is None:
        return None
    return {name: summary[f"test_{name}"] for name in ("accuracy", "interval", "examples")}


register(Exporter("page", ".page", write, read, packages=("onnx", "onnxruntime")))
