"""Every command has its script, and runs as it should: started again where it trains, and only as a program."""

import importlib
import runpy

import pytest

from flowers_jax.cli import program
from flowers_jax.runtime import host_memory
from tests.conftest import ROOT
from tests.scripts.commands import script

SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
NOT_INSTALLED = {"benchmark", "torture"}
TRAIN_OR_PREDICT = {"train", "evaluate", "predict", "cross_validate"}


def test_a_script_a_command():
    modules = {path.stem for path in (ROOT / "flowers_jax" / "cli").glob("*.py")}
    assert modules - {"__init__", "program", "flags"} == set(program.COMMANDS)
    assert {path.stem for path in SCRIPTS} - NOT_INSTALLED == set(program.COMMANDS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_an_import_of_a_script_runs_nothing(path, monkeypatch):
    monkeypatch.setattr(program, "run", lambda *_: pytest.fail("ran"))
    monkeypatch.setattr("flowers_jax.cli.run", lambda *_: pytest.fail("ran"))
    assert runpy.run_path(str(path), run_name=path.stem)["__doc__"]


@pytest.mark.parametrize("name", program.COMMANDS)
def test_help_shows_the_command_and_what_its_module_says(name, monkeypatch, capsys):
    again = []
    monkeypatch.setattr(host_memory, "ask_for_huge_pages", lambda: again.append(name))
    assert script(name, "--help") == 0
    printed = capsys.readouterr().out
    assert f"python scripts/{name}.py" in printed
    assert importlib.import_module(f"flowers_jax.cli.{name}").__doc__.strip() in printed
    assert again == [name] * (name in TRAIN_OR_PREDICT)


def test_a_wrong_flag_is_one_line(capsys):
    for name in program.COMMANDS:
        assert script(name, "--nonsense") == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("error: ") and err.count("\n") == 1
