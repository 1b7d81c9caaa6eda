"""Imports point one way, heavy packages load only where they are used, and files stay readable."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from flowers_jax import ops
from tests.conftest import ROOT

PACKAGE = ROOT / "flowers_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
OUTSIDE = sorted(path for name in ("benchmarks", "tests/torture") for path in (ROOT / name).rglob("*.py"))
"""What is not installed and uses the package."""

LAYERS = (
    "__init__", "cli", "studies", "report", "export", "lessons", "training", "evaluation", "run", "config",
    "base_config", "optimizers", "models", "data", "augment", "preprocessing", "ops", "losses", "metrics", "schedules",
    "storage", "runtime", "registry", "config_types", "config_key",
)  # fmt: skip
"""From the top; everything else in the package lies below all of them."""


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def depth(module: str) -> int:
    part = module.split(".")[1] if "." in module else ""
    return LAYERS.index(part) if part in LAYERS else len(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    own = depth(".".join(path.relative_to(ROOT).with_suffix("").parts))
    inside = [name for name in imported(path) if name.startswith("flowers_jax.")]
    assert [name for name in inside if depth(name) < own] == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_what_is_installed_imports_nothing_that_is_not(path: Path):
    assert [
        name for name in imported(path) if name.split(".")[0] in ("benchmarks", "tests", "scripts", "configs")
    ] == []


@pytest.mark.parametrize(
    ("package", "only"),
    [("tensorflow", "data/lazy_tensorflow.py"), ("orbax", "run/checkpoint.py"), ("rich", "runtime/progress.py")],
    ids=str,
)
def test_one_module_imports_it(package: str, only: str):
    files = [*FILES, *OUTSIDE]
    users = {path for path in files if any(name.split(".")[0] == package for name in imported(path))}
    lazy = {path for path in files if f'import_module("{package}' in path.read_text()}
    assert users | lazy == {PACKAGE / only}


def test_someone_uses_what_ops_offers():
    """The package, or the examples of models from outside; what those use is named where their authors look."""
    inside = " ".join(path.read_text() for path in FILES if path.parent.name != "ops")
    outside = " ".join(path.read_text() for path in (ROOT / "tests" / "outside").glob("*.py"))
    page = (ROOT / "docs" / "extending.md").read_text()

    def used(name: str) -> bool:
        return f"ops.{name}" in inside or (f"ops.{name}" in outside and f"ops.{name}" in page)

    assert [name for name in ops.__all__ if not used(name)] == []


@pytest.mark.parametrize(
    "module",
    [
        "flowers_jax",
        "flowers_jax.training.loop",
        "flowers_jax.report.fit",
        "flowers_jax.evaluation.evaluate",
        "flowers_jax.lessons",
    ],
)
def test_import_loads_nothing_that_only_some_runs_need(module: str):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "flowers_jax" in loaded
    heavy = {"tensorflow", "tensorflow_datasets", "matplotlib", "jinja2", "tensorboardX", "torch", "keras"}
    assert loaded & heavy == set()


def test_a_program_that_starts_again_loads_nothing_heavy_before():
    """`run_command` starts some programs again for huge pages: what is loaded by then is loaded twice."""
    code = "import sys, flowers_jax.cli.program; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "flowers_jax" in loaded
    assert loaded & {"jax", "numpy", "scipy", "flax", "ml_collections", "PIL"} == set()


@pytest.mark.parametrize("path", [*FILES, *OUTSIDE], ids=lambda p: str(p.relative_to(ROOT)))
def test_files_fit_a_room(path: Path):
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem != "utils"
