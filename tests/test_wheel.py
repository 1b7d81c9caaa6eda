"""What is installed, from a wheel and in place: the package and the ready-made configs, and nothing else."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.wings, pytest.mark.network]  # pip brings setuptools for the build
NO_SOURCE = (".*", "__pycache__", "build", "dist", "*.egg-info", "runs")
CONFIGS = sorted(path.name for path in (ROOT / "configs").glob("*.py"))
FIND = """
import importlib.resources, importlib.util
found = importlib.resources.files("flowers_jax.configs")
print(*sorted(path.name for path in found.iterdir() if path.name.endswith(".py")))
print(importlib.util.find_spec("flowers_jax.configs").origin)
print([name for name in ("benchmarks", "configs", "scripts", "tests") if importlib.util.find_spec(name)])
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because a build leaves files in its source, which the next would take along."""
    copy = tmp_path_factory.mktemp("wheel") / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NO_SOURCE))
    return copy


def pip(*arguments: object, python: Path | str = sys.executable) -> None:
    command = [sys.executable, "-m", "pip", "--python", python, *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def found(python: Path | str, path: Path | None, where: Path) -> list[str]:
    """What `FIND` prints in a program that has only that on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": str(path)} if path else {}
    command = [str(python), "-I" if path is None else "-S", "-c", FIND]
    done = subprocess.run(command, env=environment, cwd=where, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_wheel_holds_the_package_and_the_configs(source, tmp_path):
    pip("wheel", "--no-deps", "--wheel-dir", tmp_path, source)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        file.extractall(unpacked)
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "flowers_jax").rglob("*.py")}
    assert names == package | {f"flowers_jax/configs/{name}" for name in CONFIGS}
    assert found(sys.executable, unpacked, tmp_path) == [
        " ".join(CONFIGS), str(unpacked / "flowers_jax/configs/__init__.py"), "[]"
    ]  # fmt: skip


def test_an_editable_install_finds_the_configs(source, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip("install", "--no-deps", "--editable", source, python=python)
    assert found(python, None, tmp_path) == [" ".join(CONFIGS), str(source / "configs/__init__.py"), "[]"]
    shown = subprocess.run([python.parent / "flowers-jax"], capture_output=True, text=True, check=True).stdout
    assert "\n  cross-validate  Train and test on every fold" in shown  # without JAX, which is not installed there
