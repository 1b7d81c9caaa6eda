"""`pyproject.toml` asks for what is used, in versions that work."""

import tomllib

from packaging.requirements import Requirement

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_extra_is_one_that_someone_is_told_to_install():
    told = (ROOT / "README.md").read_text() + (ROOT / "Makefile").read_text()
    assert [extra for extra in PROJECT["optional-dependencies"] if f".[{extra}]" not in told] == []


def test_no_orbax_of_another_api():
    (orbax,) = (Requirement(line) for line in PROJECT["dependencies"] if line.startswith("orbax"))
    assert "1.0.0" not in orbax.specifier and "0.12.8" in orbax.specifier
