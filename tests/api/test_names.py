"""The names of `import flowers_jax as fj`: loaded when they are used, all of them there, all typed."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flowers_jax as fj
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()
HEAVY = {
    "jax",
    "flax",
    "optax",
    "orbax",
    "numpy",
    "scipy",
    "PIL",
    "matplotlib",
    "jinja2",
    "tensorflow",
    "ml_collections",
}

TYPED = """
from typing import assert_type
import numpy as np
import flowers_jax as fj

class Watch:
    def on_epoch_end(self, row, variables) -> fj.Stop | None:
        return fj.Stop("enough")

config = fj.config.load("smoke", {"epochs": 1})
dataset = fj.Dataset.from_arrays(np.zeros((2, 8, 8, 3), np.uint8), [0, 1])
metric = fj.Metric("name", lambda logits, labels: 0.0)
watch: fj.Callback = Watch()
summary = fj.fit(config, "runs/x", data=dataset, optimizer="sgd", loss="focal", metrics=[metric], callbacks=[watch])
run = fj.load("runs/x")
assert_type(run, fj.TrainedModel)
assert_type(run.classes, tuple[str, ...])
assert_type(run.predict(["a.jpg"]), np.ndarray)
assert_type(run.history["epoch"], np.ndarray)
assert_type(fj.runs("runs")[0]["error"].upper(), str)  # wrong: Any
fj.fit(config)  # wrong: without a folder
fj.fit(3, "runs/x")  # wrong: no config
fj.nothing()  # wrong: no such name
fj.Metric(3, 4)  # wrong: no name
run.history[0]  # wrong: no name
"""


def test_the_import_loads_nothing_heavy():
    code = "import sys, flowers_jax as fj; dir(fj); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "flowers_jax" in loaded and loaded & HEAVY == set()


@pytest.mark.parametrize("name", fj.__all__)
def test_a_name_is_there(name):
    assert name in dir(fj)
    found = getattr(fj, name)
    assert inspect.ismodule(found) if name == "config" else isinstance(found, str) or found.__name__ == name
    assert name == "__version__" or f"fj.{name}" in PAGE


def test_the_page_names_nothing_else():
    assert set(re.findall(r"\bfj\.([a-zA-Z_]+)", PAGE)) <= set(fj.__all__)


def test_another_name_is_none():
    with pytest.raises(AttributeError, match="module 'flowers_jax' has no attribute 'nothing'"):
        fj.nothing  # noqa: B018
    with pytest.raises(ImportError):
        from flowers_jax import nothing  # noqa: F401


@pytest.mark.wings
def test_a_type_checker_knows_the_names(tmp_path: Path):
    assert (ROOT / "flowers_jax" / "py.typed").is_file()
    (tmp_path / "typed.py").write_text(TYPED)
    settings = {"extraPaths": [str(ROOT)], "typeCheckingMode": "basic", "reportMissingModuleSource": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    lines = TYPED.splitlines()
    errors = {one["range"]["start"]["line"] for one in report["generalDiagnostics"] if one["severity"] == "error"}
    assert errors == {number for number, line in enumerate(lines) if "# wrong" in line}, report["generalDiagnostics"]
