"""What is installed, from a wheel and in place: the package and the ready-made configs, and nothing else. It works."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, drawn_flowers

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


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    pip("wheel", "--no-deps", "--wheel-dir", folder, source)
    (built,) = folder.glob("*.whl")
    return built


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


def test_a_wheel_holds_the_package_and_the_configs(wheel, tmp_path):
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
        file.extractall(unpacked)
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "flowers_jax").rglob("*")
        if path.suffix in (".py", ".html", ".css", ".js") or path.name == "py.typed"
    }
    assert names == package | {f"flowers_jax/configs/{name}" for name in CONFIGS}
    assert found(sys.executable, unpacked, tmp_path) == [
        " ".join(CONFIGS), str(unpacked / "flowers_jax/configs/__init__.py"), "[]"
    ]  # fmt: skip


def test_the_installed_command_trains_evaluates_and_predicts(wheel, tmp_path):
    """Beside the dependencies of this environment, in a folder that has nothing of the checkout."""
    installed, folder = tmp_path / "installed", drawn_flowers(tmp_path / "flowers")
    pip("install", "--no-deps", "--target", installed, wheel)
    (empty := tmp_path / "empty").mkdir()
    environment = os.environ | {"PYTHONPATH": str(installed)}

    def printed(*command: object) -> str:
        done = subprocess.run(list(map(str, command)), env=environment, cwd=empty, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = printed(sys.executable, "-c", "import flowers_jax; print(flowers_jax.__file__)")
    assert Path(where.strip()).is_relative_to(installed)
    command = installed / "bin" / "flowers-jax"
    trained = printed(command, "train", folder, "--config=smoke", "--config.epochs=8", "--config.devices=1")
    assert "test accuracy" in trained
    (run,) = (empty / "runs").glob("smoke-*")
    report = json.loads(printed(command, "evaluate", f"--run={run}", f"--data={folder}"))
    assert report["examples"] == 60 and report["accuracy"] > 0.5
    photographs = sorted(folder.rglob("1.png"))
    rows = list(csv.DictReader(io.StringIO(printed(command, "predict", f"--run={run}", *photographs))))
    assert [row["path"] for row in rows] == list(map(str, photographs))
    assert {row["label"] for row in rows} <= {path.parent.name for path in photographs}


def test_an_editable_install_finds_the_configs(source, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip("install", "--no-deps", "--editable", source, python=python)
    assert found(python, None, tmp_path) == [" ".join(CONFIGS), str(source / "configs/__init__.py"), "[]"]
    shown = subprocess.run([python.parent / "flowers-jax"], capture_output=True, text=True, check=True).stdout
    assert "\n  cross-validate  Train and test on every fold" in shown  # without JAX, which is not installed there
