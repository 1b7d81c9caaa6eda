"""The commands: export.py writes all or nothing, and evaluate.py takes what it wrote."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from flowers_jax.data.sources import procedural
from flowers_jax.export import EXPORTERS
from tests.conftest import ROOT
from tests.scripts.commands import script, tree

pytestmark = pytest.mark.wings


@pytest.fixture(scope="module")
def run(small):
    return small.model.run.path


@pytest.fixture(autouse=True)
def _in_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def carried(run, tmp_path_factory):
    """A folder that export.py wrote."""
    out = tmp_path_factory.mktemp("carried") / "new" / "folder"
    assert script("export", f"--run={run}", "--format=stablehlo,safetensors", f"--out={out}", "--count=9") == 0
    return out


def test_the_folder_says_what_was_compared(carried, small):
    report = json.loads((carried / "export.json").read_text())
    assert {path.name for path in carried.iterdir()} == {
        "export.json", "model.stablehlo", "model.stablehlo.json", "model.safetensors"
    }  # fmt: skip
    assert tree(carried.parent) == {str(carried), *(str(path) for path in carried.iterdir())}
    assert report["compared_on"] == {"images": 9, "source": "photographs of the run's test part"}
    assert report["formats"].keys() == {"stablehlo", "safetensors"}
    for one in report["formats"].values():
        assert one["bytes"] == (carried / one["file"]).stat().st_size
        assert one["largest_difference"] <= 1e-4 and one["top1_agreement"] == 1
    assert report["classes"] == list(small.model.classes)


def test_a_file_is_evaluated_as_its_run_is(carried, run, tmp_path, capsys):
    """On new photographs, in an undivided folder and in a divided one."""
    photos = tmp_path / "photos"
    for name in procedural.PETALS:
        (photos / name).mkdir(parents=True)
        for number in range(6):
            (photos / name / f"{number}.png").write_bytes(procedural.draw(name, 7000 + number))
    (photos / "three_petals" / "text.png").write_text("no photograph")
    reports = {}
    for which in (f"--run={run}", f"--artifact={carried / 'model.stablehlo'}"):
        assert script("evaluate", which, f"--data={photos}") == 0
        reports[which.split("=")[0]] = json.loads(capsys.readouterr().out)
    ours, file = reports["--run"], reports["--artifact"]
    for name in ("accuracy", "split", "examples", "per_class", "data", "skipped"):
        assert file[name] == ours[name]
    assert file["examples"] == 18 and 0.33 < file["accuracy"] < 1
    assert file["latency_ms"] > 0 and file["bytes"] == (carried / "model.stablehlo").stat().st_size
    for part, count in (("train", 4), ("test", 2)):
        for name in procedural.PETALS:
            (tmp_path / "divided" / part / name).mkdir(parents=True)
            for number in range(count):
                other = 10 * count + number
                (tmp_path / "divided" / part / name / f"{number}.png").write_bytes(procedural.draw(name, 8000 + other))
    for flags, examples in (([], 6), (["--split=train"], 12)):
        assert script("evaluate", which, f"--data={tmp_path / 'divided'}", *flags) == 0
        assert json.loads(capsys.readouterr().out)["examples"] == examples


def test_mistakes_are_one_line_and_write_nothing(carried, run, folder, tmp_path, capsys):
    artifact = f"--artifact={carried / 'model.stablehlo'}"
    (folder / "five_petals").rename(folder / "clover")
    before = tree(tmp_path)
    for command, words in (
        (["export", f"--run={run}", "--format=stablehlo", "--out=/proc/flowers"], "--out=/proc/flowers: cannot be wr"),
        (["export", f"--run={run}", "--format=stablehlo", f"--out={folder}"], "exists already and is not an empty"),
        (["export", f"--run={tmp_path}", "--format=stablehlo", f"--out={tmp_path / 'o'}"], "no run directory"),
        (["export", f"--run={run}", "--format=stablehlo", f"--out={tmp_path / 'o'}", f"--data={folder}"],
         "the model knows no class clover"),
        (["evaluate", artifact, f"--run={run}", f"--data={folder}"], "not allowed with argument"),
        (["evaluate", artifact, "--precision=float32", f"--data={folder}"], "--code and --precision are for --run"),
        (["evaluate", artifact, f"--data={folder}"], "the model knows no class clover"),
        (["evaluate", artifact, f"--data={folder.parent / 'no'}"], "no such folder"),
    ):  # fmt: skip
        assert script(*command) == 2
        out, error = capsys.readouterr()
        assert words in error and error.count("\n") == 1 and out == ""
    (folder / "clover").rename(folder / "five_petals")
    assert script("evaluate", artifact, f"--data={folder}", "--split=test") == 2
    assert "is not divided into train, validation, test; leave --split out" in capsys.readouterr().err
    assert tree(tmp_path) - before == {str(folder / "five_petals"), *tree(folder / "five_petals")}


def test_photographs_that_are_gone_are_replaced_by_drawn_ones(run, small, tmp_path):
    data = small.model.run.read_config().data.dir
    shutil.move(data, f"{data} away")
    try:
        assert script("export", f"--run={run}", "--format=stablehlo", f"--out={tmp_path / 'o'}", "--count=5") == 0
    finally:
        shutil.move(f"{data} away", data)
    compared = json.loads((tmp_path / "o" / "export.json").read_text())["compared_on"]
    assert compared["images"] == 5 and compared["source"].startswith("drawn flowers (")


def test_a_file_that_differs_is_exit_1_and_leaves_nothing(run, tmp_path, capsys, monkeypatch):
    def write(exported, path):
        hotter = replace(exported.model, temperature=2 * exported.model.temperature)
        stablehlo.write(exported._replace(model=hotter), path)

    stablehlo = EXPORTERS["stablehlo"]
    monkeypatch.setitem(EXPORTERS, "safetensors", replace(stablehlo, name="safetensors", suffix=".other", write=write))
    assert script("export", f"--run={run}", "--format=stablehlo,safetensors", f"--out={tmp_path / 'o'}") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: --format=safetensors: on 15 photographs the file differs from the model by up to ")
    assert tree(tmp_path) == set()


HINDERED = """
import os, resource, sys
from flowers_jax.cli import export
from flowers_jax.cli.program import run
from flowers_jax.export import folder

if sys.argv[1] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
else:
    folder.check = lambda *_: os.kill(os.getpid(), 9)
run(lambda _: export.main(sys.argv[2:]))
"""


@pytest.mark.parametrize("formats", ["stablehlo", "saved_model", "safetensors", "tflite", "tflite-int8"])
def test_a_full_disk_leaves_nothing(run, tmp_path, formats):
    needs(formats)
    done = hindered("full", run, tmp_path, formats)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ") and "Traceback" not in done.stderr
    assert tree(tmp_path) == set()


@pytest.mark.parametrize("formats", ["stablehlo", "tflite"])
def test_a_killed_export_leaves_no_folder(run, tmp_path, formats):
    needs(formats)
    assert hindered("kill", run, tmp_path, formats).returncode == -9
    assert [path.name.startswith(".partial-") for path in tmp_path.iterdir()] == [True]
    assert script("export", f"--run={run}", f"--format={formats}", f"--out={tmp_path / 'o'}", "--count=3") == 0


READ_ONLY = 'mount --bind "$0" "$0" && mount --options remount,bind,ro "$0" && exec "$@"'


def test_a_folder_that_may_only_be_read_is_a_mistake(run, tmp_path):
    private = ["unshare", "--map-root-user", "--mount", "sh", "-c"]  # the mount is seen by that process alone
    if shutil.which("unshare") is None or subprocess.run([*private, "true"], check=False).returncode:
        pytest.skip("this system mounts nothing for a program of a user")
    export = [sys.executable, "scripts/export.py", f"--run={run}", "--format=stablehlo", f"--out={tmp_path / 'o'}"]
    done = subprocess.run([*private, READ_ONLY, tmp_path, *export], capture_output=True, text=True, check=False)
    assert done.stderr == f"error: --out={tmp_path / 'o'}: cannot be written (Read-only file system)\n"
    assert done.returncode == 2 and tree(tmp_path) == set()


def needs(formats):
    for package in EXPORTERS[formats].packages:
        pytest.importorskip(package)


def hindered(how, run, tmp_path, formats):
    command = [sys.executable, "-c", HINDERED, how, f"--run={run}", f"--format={formats}", f"--out={tmp_path / 'o'}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)
