"""A folder with everything wrong at once: each problem is listed with its reason, and the rest is trained on."""

import csv
import os
import sys
from pathlib import Path

from flowers_jax.data.sources.folder import load_folder
from flowers_jax.training.loop import fit
from tests.conftest import png
from tests.data import hostile
from tests.data.pictures import scene


def test_the_whole_list_and_training_on_the_rest(smoke, tmp_path):
    used, skipped, remarks = hostile.make(tmp_path / "photos")
    data = load_folder(str(tmp_path / "photos"))
    assert {example.path for example in data.examples} == used
    found = {problem.path: problem.reason for problem in data.skipped}
    assert hostile.differing(found, skipped) == {}
    assert dict(data.remarks) == remarks
    assert data.classes == ("Five_Petals", "eight_petals", "five_petals", "lonely", "three_petals")

    smoke.data.dir, smoke.epochs = str(tmp_path / "photos"), 1
    summary = fit(smoke, tmp_path / "run")
    assert [tuple(problem.values()) for problem in summary["skipped"]] == list(data.skipped)
    assert summary["classes"] == list(data.classes) and summary["test_examples"] > 0
    with (tmp_path / "run" / "splits.csv").open(errors="surrogateescape", newline="") as file:
        split_of = {row["path"]: row["split"] for row in csv.DictReader(file)}
    assert split_of.keys() == used
    assert split_of["lonely/only.png"] == "train"
    assert split_of["five_petals/one.jpg"] == split_of["five_petals/copy of one.jpg"]
    assert split_of["three_petals/alike 90.jpg"] == split_of["three_petals/alike 50.jpg"]


def test_loops_within_ready_made_parts(folder, tmp_path):
    divided = tmp_path / "divided"
    for part, numbers in (("train", "1?.png"), ("test", "[2-9].png")):
        for path in folder.glob(f"*/{numbers}"):
            (divided / part / path.parent.name).mkdir(parents=True, exist_ok=True)
            path.rename(divided / part / path.parent.name / path.name)
        (divided / part / "itself").symlink_to("itself")
    (divided / "itself").symlink_to("itself")
    data = load_folder(str(divided))
    assert len(data.examples) == 54
    assert {problem.path: problem.reason for problem in data.skipped} == {
        "train/itself": "Too many levels of symbolic links",
        "test/itself": "Too many levels of symbolic links",
    }


def test_folders_deeper_than_calls_can_be(folder, monkeypatch):
    monkeypatch.chdir(folder / "five_petals")
    depth = sys.getrecursionlimit() + 100
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("deep.png").write_bytes(png(scene(0)))
    try:
        assert len(load_folder(str(folder)).examples) == 61
    finally:  # shutil.rmtree could not
        Path("deep.png").unlink()
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()
