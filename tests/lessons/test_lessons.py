"""The lessons print the course's numbers, and compute them."""

import math
import os
import re
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from flowers_jax.data.sources import procedural
from flowers_jax.errors import UsageError
from flowers_jax.lessons import LESSONS, backward, line_detector, one_by_one, photograph, shapes
from tests.conftest import ROOT, png
from tests.scripts.commands import script

SAME = ["0 20 -70 20 0", "0 30 -60 30 0", "0 30 -60 30 0", "0 30 -60 30 0", "0 20 -70 20 0"]


def has(lines: list[str], expected: list[str]) -> bool:
    return "\n" + "\n".join(expected) + "\n" in "\n" + "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def printed() -> dict[str, list[str]]:
    flower = photograph.load()
    return {name: lines(flower) for name, lines in LESSONS.items()}


def test_line_detector(printed):
    text = printed["line-detector"]
    assert has(text, SAME)
    assert has(text, ["30 -60 30", "30 -60 30", "30 -60 30", ""])
    kinds = {line.split(", ")[2].split(":")[0]: line.rpartition(" = ")[2] for line in text if line.startswith("row ")}
    assert kinds == {
        "away from the line": "0",
        "beside the line": "30",
        "on the line": "-60",
        "beside its end": "20",
        "on its end": "-70",
    }


def test_one_by_one(printed):
    text = printed["one-by-one"]
    assert "30 31 32 33 34 35  ->  60 62 64 66 68 70" in text
    assert "1 2 3 by the filter 4 -1 2: 1*4 + 2*-1 + 3*2 = 8" in text
    assert [line for line in text if "6x6x32 by 5 filters of 1x1x32 -> 6x6x5" in line]
    assert [line for line in text if "7x7x32 = 1568 inputs" in line]
    differences = [line.rpartition(": ")[2] for line in text if line.startswith("largest difference")]
    assert differences == ["0", "0", "0"]
    assert [cost.multiply_adds for cost in one_by_one.costs()] == [120_422_400, 2_408_448, 10_035_200]


def test_shapes(printed):
    rows = [re.split(r"\s{2,}", line) for line in printed["shapes"]]
    assert ["input", "28x28x3"] in rows
    assert ["conv", "14x14x32", "ceil(28 / 2) = 14", "(3*3*3 + 1)*32 = 896"] in rows
    assert ["pool", "7x7x32", "floor((14 - 2) / 2) + 1 = 7", "0"] in rows
    assert ["flatten", "1568", "7*7*32 = 1568", "0"] in rows
    assert ["head", "5", "(1568 + 1)*5 = 7,845"] in rows
    assert ["all", "896 + 7,845 = 8,741"] in rows
    assert [line for line in printed["shapes"] if line.endswith("the module's logits: equal to within 1e-05")]


def test_backward(printed):
    text = printed["backward"]
    assert has(text, ["10 3", "9 18"])
    assert "its global average: 10" in text
    assert has(text, ["9 13", "7 3"])
    assert "dL/dF[0,0] = 2*1 + 3*1 + 3*1 + 1*1 = 9" in text
    assert has(text, ["0 3 3", "1 2 1", "1 -1 -2"])
    assert has(text, ["dF           dX", "2.25 3.25    0 0.75 0.75", "1.75 0.75    0.25 0.5 0.25"])


def test_closed_forms_are_what_jax_grad_gives():
    for loss, share in ((jnp.sum, 1), (jnp.mean, 1 / 4)):
        dx, df = backward.automatic(loss)
        np.testing.assert_allclose(df, share * backward.kernel_gradient())
        np.testing.assert_allclose(dx, share * backward.input_gradient())


def test_every_written_sum_and_formula_is_true(printed):
    """Python evaluates them: `2*1 + 3*1 = 5`, `(3*3*3 + 1)*32 = 896`."""
    cells = [cell for text in printed.values() for line in text for cell in re.split(r"\s{2,}", line)]
    found = 0
    for cell in cells:
        for equation in re.findall(r"(?<![\w,/])(?:ceil|floor)?[-(\d][-\d,*+/() ]* = -?[\d,]+(?![\w.])", cell):
            left, right = equation.replace(",", "").split(" = ")
            assert eval(left, {"ceil": math.ceil, "floor": math.floor}) == int(right), equation
            found += 1
    assert found > 30


def test_what_is_shown_follows_from_the_input(monkeypatch):
    monkeypatch.setattr(line_detector, "IMAGE", 2 * line_detector.IMAGE)
    assert "0 40 -140 40 0" in line_detector.lines(photograph.load())
    monkeypatch.setattr(backward, "X", 2 * backward.X)
    assert has(backward.lines(), ["20 6", "18 36"])
    monkeypatch.setattr(shapes, "SIZE", 32)
    assert [row.parameters for row in shapes.layers()] == [896, 0, 0, (8 * 8 * 32 + 1) * 5]


def test_a_photograph_of_the_callers(tmp_path, draw):
    path = tmp_path / "photo.jpg"
    path.write_bytes(png(draw(0, (300, 200)), "JPEG"))
    assert photograph.load(str(path)).shape == (192, 192, 3)
    assert any("photograph of 192x192" in line for line in LESSONS["line-detector"](photograph.load(str(path))))


def test_an_even_photograph_has_no_edges():
    grey = np.full((9, 9, 3), 128, np.uint8)
    np.testing.assert_allclose(line_detector.response(grey), 0, atol=1e-5)
    assert LESSONS["line-detector"](grey)


def test_the_script_takes_names_and_numbers(capsys):
    titles = ["1. Line detector", "2. 1x1 convolution", "3. Shapes and parameters", "4. Backward by hand"]
    assert script("lessons") == 0
    everything = capsys.readouterr().out.splitlines()
    assert [line for line in everything if line in titles] == titles
    for number, name in enumerate(LESSONS, start=1):
        assert script("lessons", number) == 0
        by_number = capsys.readouterr().out
        assert script("lessons", name) == 0
        assert by_number == capsys.readouterr().out
        assert by_number.startswith(titles[number - 1]) and has(everything, by_number.splitlines())


def test_the_script_runs_from_anywhere_without_matplotlib(tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", ROOT / "scripts" / "lessons.py", "line-detector"],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert has(done.stdout.splitlines(), SAME)
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "flowers_jax" in loaded and loaded & {"matplotlib", "tensorflow"} == set()


@pytest.mark.parametrize("name", ["lines", "0", "5", "", "Shapes"])
def test_an_unknown_lesson_is_named(name, capsys, tmp_path):
    assert script("lessons", name, f"--out={tmp_path / 'new'}") == 2
    error = capsys.readouterr().err
    assert f"no lesson {name!r}" in error and "line-detector, one-by-one, shapes, backward" in error
    assert error.count("\n") == 1 and not (tmp_path / "new").exists()


def test_a_photograph_that_cannot_be_read_is_named(tmp_path, capsys):
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "cut.png").write_bytes(procedural.draw("five_petals", 0)[:200])
    for name, reason in (("gone.jpg", "No such file"), ("text.jpg", "not an image"), ("cut.png", "damaged"), ("", "")):
        path = tmp_path / name
        assert script("lessons", "1", f"--photograph={path}", f"--out={tmp_path / 'new'}") == 2
        out, error = capsys.readouterr()
        assert f"--photograph={path}: " in error and reason in error and error.count("\n") == 1 and not out
    assert not (tmp_path / "new").exists()
    with pytest.raises(UsageError, match=r"give a JPEG, PNG"):
        photograph.load(str(tmp_path / "text.jpg"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("here already")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert script("lessons", "line-detector", f"--out={folder}") == 2
        out, error = capsys.readouterr()
        assert f"--out={folder}: cannot be written" in error and error.count("\n") == 1 and not out
    assert (tmp_path / "file").read_text() == "here already"


def test_pictures_are_written_where_asked(tmp_path, capsys):
    folder = tmp_path / "new" / "pictures"
    assert script("lessons", "1", f"--out={folder}") == 0
    assert {path.name for path in folder.iterdir()} == {"line-detector.png", "line-detector-photograph.png"}
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("wrote ") and all(str(path) in last for path in folder.iterdir())
    for path in folder.iterdir():
        with Image.open(path) as image:
            assert image.format == "PNG"
