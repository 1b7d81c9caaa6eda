"""Every command has its script, and runs as it should: started again where it trains, and only as a program."""

import importlib
import runpy
import subprocess
import sys

import pytest

import flowers_jax
from flowers_jax import cli
from flowers_jax.cli import program
from flowers_jax.runtime import host_memory
from tests.conftest import ROOT
from tests.scripts.commands import script

SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
NOT_INSTALLED = {"benchmark", "torture"}
TRAIN_OR_PREDICT = {"train", "evaluate", "predict", "report", "export", "cross_validate", "sweep"}


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


@pytest.mark.parametrize(
    ("name", "flag", "end"),
    [
        ("train", "--epochs=3", "; did you mean --config.epochs=3?\n"),
        ("train", "--learning-rate", "; did you mean --config.learning_rate?\n"),
        ("check", "--jsn", "; did you mean --json?\n"),
        ("check", "--zzzzzzzzzz=3", "; --help lists the flags\n"),
    ],
)
def test_an_unknown_flag_names_the_nearest(monkeypatch, capsys, name, flag, end):
    monkeypatch.setattr(host_memory, "ask_for_huge_pages", lambda: None)
    assert script(name, "folder", flag) == 2
    assert capsys.readouterr().err == f"error: unrecognized arguments: {flag}{end}"


def installed(monkeypatch, *argv: str) -> int:
    """The installed command's exit status, run here."""
    monkeypatch.setattr("sys.argv", ["/somewhere/flowers-jax", *argv])
    with pytest.raises(SystemExit) as left:
        program.main()
    return left.value.code


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",)])
def test_the_installed_command_lists_the_commands(monkeypatch, capsys, argv):
    assert installed(monkeypatch, *argv) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0].replace("-", "_") for line in lines] == list(program.COMMANDS)
    assert all(len(line.split()) > 4 for line in lines)


def test_the_list_of_commands_loads_nothing_heavy():
    code = "import sys; from flowers_jax.cli.program import main; sys.argv = ['flowers-jax', '--help']; main()"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "train" in done.stdout and "flowers_jax" in loaded
    assert loaded & {"jax", "numpy", "scipy", "flax", "ml_collections", "PIL", "shtab"} == set()


def test_the_installed_command_runs_one(monkeypatch, capsys, tmp_path):
    assert installed(monkeypatch, "cross-validate", "--help") == 0
    assert "usage: flowers-jax cross-validate [-h] " in capsys.readouterr().out
    assert installed(monkeypatch, "check", str(tmp_path)) == 3
    assert "no usable photograph" in capsys.readouterr().out


def test_the_installed_command_knows_its_version_and_what_it_is_not(monkeypatch, capsys):
    assert installed(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"{flowers_jax.__version__}\n"
    assert installed(monkeypatch, "trian") == 2
    assert capsys.readouterr().err == "error: flowers-jax trian: no such command; did you mean train?\n"


def test_a_folder_is_trained_with_the_default_config(monkeypatch, folder):
    asked = []
    monkeypatch.setattr("flowers_jax.report.fit.fit", lambda *given: asked.append(given))
    monkeypatch.setattr(host_memory, "ask_for_huge_pages", lambda: None)
    for flags in ([], ["--config=cnn"], ["--config.data.seed=3"]):
        assert installed(monkeypatch, "train", *flags, str(folder)) == 0
    assert [config.data.dir for config, _ in asked] == [str(folder)] * 3
    assert [config.model.name for config, _ in asked] == ["mobilenet_v2", "cnn", "mobilenet_v2"]
    assert [workdir.split("-")[0] for _, workdir in asked] == ["runs/mobilenet", "runs/cnn", "runs/mobilenet"]


def test_two_folders_or_none_are_refused(monkeypatch, capsys):
    assert installed(monkeypatch, "train") == 2
    assert "give a FOLDER of class folders, or --config=NAME" in capsys.readouterr().err
    assert installed(monkeypatch, "train", "one", "--config.data.dir=two") == 2
    assert "one: --config.data.dir=two is given too; leave one of them out" in capsys.readouterr().err
    assert installed(monkeypatch, "train", "one.csv", "--config.data.csv=two.csv") == 2
    assert "one.csv: --config.data.csv=two.csv is given too; leave one of them out" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "key"), [("photographs", "dir"), ("table.csv", "csv"), ("TABLE.CSV", "csv")])
def test_a_folder_or_a_table_stands_for_its_key(given, key):
    config, _ = cli.parse_config(cli.config_parser(None, takes_folder=True), [given])
    assert getattr(config.data, key) == given and config.model.name == "mobilenet_v2"
