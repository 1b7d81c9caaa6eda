"""Running a script as the shell would."""

import csv
import io
import runpy
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

SMOKE = ["--config=configs/smoke.py", "--config.devices=1"]


def script(name: str, *argv: object) -> int:
    """Run a script's main here, as the shell would; its exit status."""
    before, sys.argv = sys.argv, [name, *map(str, argv)]
    try:
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(ROOT / "scripts" / f"{name}.py"), run_name="__main__")
    finally:
        sys.argv = before
    return left.value.code


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def tree(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")}
