"""`pyproject.toml` asks for what is used, in versions that work."""

import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

VERSIONS = {name: f"constraints{name}.txt" for name in ("", "-3.12")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_extra_is_one_that_someone_is_told_to_install():
    told = (ROOT / "README.md").read_text() + (ROOT / "Makefile").read_text()
    assert [extra for extra in PROJECT["optional-dependencies"] if not re.search(rf"\.\[[\w,]*\b{extra}\b", told)] == []


def test_no_orbax_of_another_api():
    (orbax,) = (Requirement(line) for line in PROJECT["dependencies"] if line.startswith("orbax"))
    assert "1.0.0" not in orbax.specifier and "0.12.8" in orbax.specifier


@pytest.mark.parametrize("file", VERSIONS.values())
def test_the_files_of_versions_have_all_that_is_asked_for(file):
    lines = [line for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
    pins = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    extras = PROJECT["optional-dependencies"]
    lines_of_extras = [line for name in ("dev", "bench", "export") for line in extras[name]]
    asked = [Requirement(line) for line in (*PROJECT["dependencies"], *lines_of_extras)]
    assert [str(one) for one in asked if pins.get(canonicalize_name(one.name), "0") not in one.specifier] == []
    assert [line for line in lines if "/" in line or " " in line] == []  # no address of an index


def test_make_takes_the_versions_for_its_python():
    show = ["make", "-s", "--eval", 'show:; @echo "$(CONSTRAINTS)"', f"VENV={sys.prefix}", "show"]
    shown = subprocess.run(show, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    assert shown == VERSIONS["" if sys.version_info < (3, 12) else "-3.12"]
