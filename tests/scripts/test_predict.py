"""`predict.py`: what it takes, prints, copies and writes, and its mistakes."""

import csv
import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from flowers_jax.data.sources import procedural
from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config
from tests.scripts.commands import script, tree

KINDS = tuple(procedural.PETALS)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run that is hardly trained, so that its probabilities are of all sizes."""
    config, run = smoke_config(), tmp_path_factory.mktemp("predict") / "run"
    config.epochs, config.batch_size = 1, 4
    fit(config, run)
    return run


@pytest.fixture
def photos(tmp_path) -> Path:
    """Three class folders, each with 0.png to 3.png, in a folder with nothing else."""
    root = tmp_path / "photos"
    for kind, name in enumerate(KINDS):
        (root / name).mkdir(parents=True)
        for number in range(4):
            (root / name / f"{number}.png").write_bytes(procedural.draw(name, 1000 * kind + number))
    return root


@pytest.fixture(scope="module")
def model(run) -> TrainedModel:
    return trained_model.load(run)


@pytest.fixture
def predict(run, model, capsysbinary, monkeypatch):
    """Runs the command; its exit status, output and lines of error. The model is loaded and compiled once."""
    load = trained_model.load
    monkeypatch.setattr(trained_model, "load", lambda where, *how: model if where == str(run) else load(where, *how))

    def command(*argv: object) -> tuple[int, str, list[str]]:
        capsysbinary.readouterr()
        status = script("predict", f"--run={run}", *argv)
        out, error = map(os.fsdecode, capsysbinary.readouterr())
        return status, out, error.splitlines()

    return command


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def labels(predict, path: object) -> dict[str, tuple[str, float]]:
    """The predicted class and its probability of each path."""
    _, out, _ = predict(path, "--recursive")
    return {row["path"]: (row["label"], float(row["probability"])) for row in rows(out)}


def test_a_folder_a_pattern_a_list_and_files_give_the_same(predict, photos, monkeypatch):
    files = sorted(photos.rglob("*.png"))
    status, expected, error = predict(*files)
    assert status == 0 and error == [] and [row["path"] for row in rows(expected)] == list(map(str, files))
    assert predict(photos, "--recursive") == (0, expected, [])
    assert predict(photos, files[5], "--recursive") == (0, expected, [])
    assert predict(photos / "**" / "*.png") == predict(photos / "*" / "[0-9].png") == (0, expected, [])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(map(str, files)).encode())))
    assert predict("-") == (0, expected, [])
    same = predict(photos, "--recursive", "--batch-size=5")[1]
    assert [row["label"] for row in rows(same)] == [row["label"] for row in rows(expected)]


def test_json_and_table_say_what_csv_says(predict, photos):
    lines = rows(predict(photos / KINDS[0])[1])
    status, out, _ = predict(photos / KINDS[0], "--format=json", "--top=2")
    assert status == 0 and [one["path"] for one in json.loads(out)] == [row["path"] for row in lines]
    for row, one in zip(lines, json.loads(out), strict=True):
        assert one["predictions"] == [
            {"label": row["label"], "probability": float(row["probability"])},
            {"label": row["label_2"], "probability": float(row["probability_2"])},
        ]
    status, out, _ = predict(photos / KINDS[0], "--format=table", "--top=1")
    cells = [line.split() for line in out.splitlines()]
    assert status == 0 and [cell[1:] for cell in cells] == [[row["label"], row["path"]] for row in lines]


def test_sort_copies_bytes_and_times_and_overwrites_nothing(predict, photos, tmp_path):
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    for path in before:
        os.utime(path, (1e9, 1e9))
    said, out = labels(predict, photos), tmp_path / "new" / "sorted"
    for times in (1, 2):
        status, _, error = predict(photos, "--recursive", f"--sort={out}")
        assert status == 0 and error == []
        copies = [path for path in out.rglob("*") if path.is_file()]
        assert len(copies) == 12 * times and {path.stat().st_mtime for path in copies} == {1e9}
        for name in KINDS:
            inside = sorted(path.read_bytes() for path in copies if path.parent == out / name)
            wanted = sorted([before[Path(path)] for path, (label, _) in said.items() if label == name] * times)
            assert inside == wanted
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before
    assert {path.name for path in out.iterdir()} <= set(KINDS)


def test_what_is_in_doubt_is_copied_into_review(predict, photos, tmp_path):
    said, out = labels(predict, photos), tmp_path / "sorted"
    bound = sorted(probability for _, probability in said.values())[6]
    assert predict(photos, "--recursive", f"--sort={out}", f"--review-below={bound}")[0] == 0
    doubtful = sum(probability < bound for _, probability in said.values())
    assert abs(len(list((out / "review").iterdir())) - doubtful) <= 1 and 5 <= doubtful <= 7  # six decimals are printed
    assert sum(path.is_file() for path in out.rglob("*")) == 12


def test_names_are_text(predict, photos, tmp_path):
    names = [
        "two\nlines.png",
        "-rf",
        'quote".png',
        "\x1b[2J.png",
        "\u202egnp.png",
        os.fsdecode(b"caf\xe9.png"),
        "[x].png",
    ]
    hostile = tmp_path / "hostile\n"
    hostile.mkdir()
    for name in names:
        shutil.copy(photos / KINDS[0] / "0.png", hostile / name)
    (hostile / "\x1b[31m.jpg").write_text("no image")
    status, out, error = predict(hostile, f"--sort={tmp_path / 'sorted'}", f"--explain={tmp_path / 'explained'}")
    assert status == 0 and {row["path"] for row in rows(out)} == {str(hostile / name) for name in names}
    assert error == [rf"{tmp_path}/hostile\n/\x1b[31m.jpg: not an image of a known format"]
    assert {path.name for path in (tmp_path / "sorted").rglob("*") if path.is_file()} == set(names)
    assert len(list((tmp_path / "explained").iterdir())) == len(names)
    status, out, _ = predict(hostile, "--format=table")
    assert len(out.splitlines()) == len(names) and "\x1b" not in out


def test_explain_writes_an_overlay_of_each_photograph(predict, photos, tmp_path):
    assert predict(photos, "--recursive", f"--explain={tmp_path / 'out'}")[0] == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{number}{end}.png" for number in range(4) for end in ("", "-2", "-3")}
    with Image.open(tmp_path / "out" / "0.png") as overlay, Image.open(photos / KINDS[0] / "0.png") as photograph:
        assert overlay.size == (28, 28) and overlay.tobytes() != photograph.convert("RGB").resize((28, 28)).tobytes()


def test_out_is_what_would_be_printed_and_replaces_a_whole_file(predict, photos, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    printed = predict(photos / KINDS[0])[1]
    assert predict(photos / KINDS[0], f"--out={out}") == (0, "", []) and out.read_text() == printed
    (tmp_path / "text.jpg").write_text("x")
    assert predict(tmp_path / "text.jpg", f"--out={out}")[0] == 2 and out.read_text() == printed


def test_what_cannot_be_read_is_named_and_if_all_is_in_one_line(predict, photos, tmp_path):
    bad = [tmp_path / f"{number}.jpg" for number in range(9)]
    for path in bad:
        path.write_text("x")
    (tmp_path / "notes.txt").touch()
    status, out, error = predict(*bad, photos / KINDS[0] / "0.png", tmp_path / "gone.png")
    assert status == 0 and len(rows(out)) == 1
    assert error == [*(f"{path}: not an image of a known format" for path in bad), f"{tmp_path}/gone.png: no such file"]
    out = tmp_path / "out"
    out.mkdir()
    words = f"error: none of 9 files could be read; the first: {bad[0]}: not an image of a known format"
    for flags in ([], ["--format=json"], [f"--sort={out}/s", f"--explain={out}/e"], [f"--out={out}/o"]):
        assert predict(*bad, *flags) == (2, "", [words])
    assert predict(tmp_path) == (2, "", [words]) and tree(out) == set()
    shutil.copy(photos / KINDS[0] / "0.png", tmp_path)
    status, _, error = predict(tmp_path)
    assert status == 0 and error[-1] == "ignored 1 files of folders: hidden, or no photographs"


def test_mistakes_are_one_line_and_write_nothing(predict, photos, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "review").touch()
    before, one = tree(tmp_path), photos / KINDS[0]
    for flags, words in (
        ([photos], "no photographs in this folder, but 3 folders; --recursive reads them too"),
        ([one, photos / "*.jpg"], "photos/*.jpg: no photograph has such a path"),
        ([tmp_path / "gone"], "none of 1 files could be read; the first: "),
        ([one, "--top=0"], "--top=0: must be at least 1"),
        ([one, "--top=x"], "argument --top: invalid int value: 'x'"),
        ([one, "--batch-size=0"], "--batch-size=0: must be at least 1"),
        ([one, "--format=xml"], "argument --format: invalid choice: 'xml'"),
        ([one, "--review-below=0.5"], "--review-below=0.5: only with --sort=DIR"),
        ([one, f"--sort={tmp_path}/s", "--review-below=nan"], "--review-below=nan: must be a probability"),
        ([one, f"--sort={tmp_path}/s", "--review-below=80"], "--review-below=80.0: must be a probability"),
        ([one, f"--sort={tmp_path}/file"], "is a file; a folder is needed"),
        ([one, f"--sort={tmp_path}/taken"], "taken/review is a file; a folder is needed"),
        ([one, f"--sort={tmp_path}/file/s"], "cannot be written"),
        ([one, "--sort=/proc/s"], "--sort=/proc/s: cannot be written"),
        ([one, f"--sort={one}/s"], "s: is inside"),
        ([one, f"--explain={one}"], "is inside"),
        ([one, f"--explain={tmp_path}/file"], "is a file; a folder is needed"),
        ([one, f"--out={tmp_path}/no/o.csv"], "no is no folder that can be written to"),
        ([one, f"--out={tmp_path}"], "exists already and is not a regular file"),
        ([one, "--out=/dev/null"], "exists already and is not a regular file"),
        ([one, f"--out={one}/0.png"], "0.png: is one of the files that are read"),
    ):  # fmt: skip
        status, out, error = predict(*flags)
        assert (status, out, len(error)) == (2, "", 1) and error[0].startswith("error: ") and words in error[0]
    assert tree(tmp_path) == before
    status, _, error = predict(tmp_path / "gone", f"--run={tmp_path / 'none'}")
    assert status == 2 and "no run directory" in error[0]


def test_ctrl_c_leaves_whole_copies_alone(predict, photos, tmp_path, monkeypatch):
    copied = []

    def interrupted(source: str, target: Path) -> None:
        target.write_bytes(Path(source).read_bytes()[: 10 if copied else None])
        copied.append(source)
        if len(copied) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copy2", interrupted)
    status, out, error = predict(photos, "--recursive", f"--sort={tmp_path / 's'}", f"--explain={tmp_path / 'e'}")
    assert status == 130 and error == ["", "interrupted"] and len(rows(out)) <= 1
    (copy,) = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert copy.read_bytes() == Path(copied[0]).read_bytes()
    assert not [path for path in tree(tmp_path) if ".partial" in path]
