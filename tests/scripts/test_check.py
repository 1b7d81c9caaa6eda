"""`check.py`: what it prints, its exit status, and the clean copy."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from flowers_jax.data.checks import clean_copy
from flowers_jax.data.decode import format_of
from flowers_jax.data.sources.folder import scan_folder
from tests.conftest import png
from tests.data import hostile
from tests.data.pictures import scene
from tests.scripts.commands import SMOKE, script, tree


def state(root) -> dict[str, tuple]:
    """All that could be changed about a folder, without opening what would not answer."""
    return {
        str(path): (status.st_mode, status.st_size, status.st_mtime_ns, status.st_nlink)
        for path in root.rglob("*")
        for status in [path.lstat()]
    }


def test_nothing_wrong(folder, capsys):
    assert script("check", folder) == 0
    assert capsys.readouterr().out.splitlines() == [
        "60 usable photographs of 3 classes, 0 problems",
        "      20  eight_petals",
        "      20  five_petals",
        "      20  three_petals",
    ]


def test_problems(folder, capsys):
    (folder / "five_petals" / "empty.jpg").touch()
    shutil.copy(folder / "five_petals" / "0.png", folder / "three_petals" / "same.png")
    (folder / "lonely").mkdir()
    (folder / "lonely" / "only.png").write_bytes(png(scene(0)))
    assert script("check", folder) == 3
    assert capsys.readouterr().out.splitlines() == [
        "five_petals/0.png: byte-identical to three_petals/same.png, which is in another class",
        "five_petals/empty.jpg: empty file",
        "three_petals/same.png: byte-identical to five_petals/0.png, which is in another class",
        "lonely/: class of one photograph: it cannot be both trained on and tested",
        "60 usable photographs of 4 classes, 4 problems",
        "      20  eight_petals",
        "      19  five_petals",
        "       1  lonely",
        "      20  three_petals",
    ]
    assert script("check", folder, "--json") == 3
    report = json.loads(capsys.readouterr().out)
    assert report["photographs"] == 60 and report["fixed"] is None
    assert report["classes"] == {"eight_petals": 20, "five_petals": 19, "lonely": 1, "three_petals": 20}
    assert [problem["path"] for problem in report["problems"]] == [
        "five_petals/0.png", "five_petals/empty.jpg", "three_petals/same.png", "lonely/",
    ]  # fmt: skip


def test_nothing_to_use(tmp_path, capsys):
    assert script("check", tmp_path / "none") == 2
    (tmp_path / "hopeless" / "class").mkdir(parents=True)
    (tmp_path / "hopeless" / "class" / "a.jpg").write_text("x")
    capsys.readouterr()
    assert script("check", tmp_path / "hopeless", f"--fix={tmp_path / 'clean'}") == 3
    assert capsys.readouterr().out.splitlines() == [
        "class/a.jpg: not an image of a known format",
        "class/: class without a usable photograph",
        "./: no usable photograph in class folders",
        "0 usable photographs of 0 classes, 3 problems",
    ]
    assert not (tmp_path / "clean").exists()


def test_what_training_refuses_is_a_problem(folder, tmp_path, capsys):
    """All usable, and yet no run begins: one class; too few; a class in test that train lacks."""
    one, few, divided = tmp_path / "one", tmp_path / "few", tmp_path / "divided"
    shutil.copytree(folder / "five_petals", one / "five_petals")
    for kind in ("five_petals", "three_petals"):
        (few / kind).mkdir(parents=True)
        for name in ("0.png", "1.png"):
            shutil.copy(folder / kind / name, few / kind)
        shutil.copytree(folder / kind, divided / "train" / kind)
    shutil.copytree(folder / "eight_petals", divided / "test" / "eight_petals")
    for root, problem in (
        (one, "./: one class only: a classifier needs two"),
        (
            few,
            "./: no photograph is left for validation: 4 photographs are too few for --config.data.split=0.8,0.1,0.1",
        ),
        (divided, "eight_petals/: class of which train/ has no usable photograph"),
    ):
        assert script("check", root) == 3
        out = capsys.readouterr().out.splitlines()
        assert out[0].startswith(problem) and out[1].endswith(", 1 problems")
        assert script("train", *SMOKE, f"--config.data.dir={root}", f"--workdir={tmp_path / 'run'}") == 2
    assert not (tmp_path / "run").exists()


def test_everything_wrong_at_once(tmp_path, capsys):
    photos, clean = tmp_path / "photos", tmp_path / "new" / "clean"
    used, skipped, remarks = hostile.make(photos)
    before = state(photos)
    assert script("check", photos, f"--fix={clean}") == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"a clean copy is in {clean}"
    assert lines.index(f"{len(used)} usable photographs of 5 classes, {len(skipped | remarks)} problems") == len(
        skipped | remarks
    )  # each on one line
    assert r"five_petals/two\nlines.txt: not an image of a known format" in lines
    assert state(photos) == before

    data = scan_folder(str(clean))
    assert data.skipped == () and dict(data.remarks) == remarks
    written = {str(path.relative_to(clean)) for path in clean.rglob("*") if path.is_file()}
    assert len(written) == len(used) and {example.path for example in data.examples} == written
    assert used - written == {
        "five_petals/a PNG called.jpg", "five_petals/a WEBP called.jpg", "five_petals/a GIF called.JPG",
        "five_petals/a BMP called.jpeg", "five_petals/a TIFF called.png", "five_petals/a JPEG called.tiff",
        "five_petals/photograph.txt", "five_petals/no suffix", "five_petals/st. michael", "five_petals/collides.jpg",
        "five_petals/collides.webp",
    }  # fmt: skip
    assert written - used == {
        "five_petals/a PNG called.png", "five_petals/a WEBP called.webp", "five_petals/a GIF called.gif",
        "five_petals/a BMP called.bmp", "five_petals/a TIFF called.tif", "five_petals/a JPEG called.jpg",
        "five_petals/photograph.jpg", "five_petals/no suffix.jpg", "five_petals/st. michael.png",
        "five_petals/collides-2.png", "five_petals/collides-3.png",
    }  # fmt: skip
    for kind in ("PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG"):
        (copy,) = (clean / "five_petals").glob(f"a {kind} called.*")
        assert format_of(copy.read_bytes()) == kind
    collided = [photos / "five_petals" / f"collides.{suffix}" for suffix in ("jpg", "png", "webp")]
    copies = [clean / "five_petals" / f"collides{end}.png" for end in ("-2", "", "-3")]
    assert [path.read_bytes() for path in copies] == [path.read_bytes() for path in collided]


def test_no_control_character_of_a_name_reaches_the_terminal(folder, capsys):
    for name in ("\x1b]0;title\x07.jpg", "two\nlines.jpg", "\x9bm.jpg", "back\u202eward.jpg", "line\u2028.jpg"):
        (folder / "five_petals" / name).write_text("x")
    (folder / "\x1b[2J").mkdir()
    (folder / "\x1b[2J" / "a.png").write_bytes(png(scene(0)))
    assert script("check", folder) == 3
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert len(printed.splitlines()) == 5 + 1 + 1 + 4
    assert r"five_petals/\x1b]0;title\x07.jpg: not an image" in printed and r"       1  \x1b[2J" in printed
    assert script("check", folder, "--json") == 3
    assert "five_petals/two\nlines.jpg" in [p["path"] for p in json.loads(capsys.readouterr().out)["problems"]]


def test_ready_made_parts_are_fixed_as_parts(folder, tmp_path, capsys):
    divided, clean = tmp_path / "divided", tmp_path / "clean"
    for path in folder.glob("*/*.png"):
        part = ("train", "test")[int(path.stem) % 2]
        (divided / part / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, divided / part / path.parent.name)
    shutil.copy(divided / "test/five_petals/3.png", divided / "train/five_petals/leak.png")
    assert script("check", divided, f"--fix={clean}") == 3
    assert (
        "train/five_petals/leak.png: byte-identical to test/five_petals/3.png, which is in" in capsys.readouterr().out
    )
    assert tree(clean) == {name.replace("divided", "clean", 1) for name in tree(divided) if "leak" not in name}
    assert script("check", clean) == 0


def test_mistakes_write_nothing(folder, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    before = tree(tmp_path)
    for flags, words in (
        ([folder, f"--fix={tmp_path / 'full'}"], "full: exists already and is not an empty folder"),
        ([folder, f"--fix={tmp_path / 'full' / 'x'}"], "x: exists already and is not an empty folder"),
        ([folder, f"--fix={folder / 'clean'}"], "clean: is inside"),
        ([folder, f"--fix={folder}"], "exists already"),
        ([folder, "--fix=/proc/clean"], "--fix=/proc/clean: cannot be written"),
        ([tmp_path / "none", f"--fix={tmp_path / 'clean'}"], "none: no such folder"),
    ):
        assert script("check", *flags) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1
    assert tree(tmp_path) == before


@pytest.mark.parametrize("made", [True, False], ids=["empty", "new"])
def test_a_copy_that_fails_leaves_nothing(folder, tmp_path, monkeypatch, capsys, made):
    clean = tmp_path / "clean"
    if made:
        clean.mkdir()
    before, copied = tree(tmp_path), []

    def full(source: Path, target: Path) -> None:
        copied.append(shutil.copy2(source, target))
        if len(copied) == 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(clean_copy.MODES, "copy", full)
    assert script("check", folder, f"--fix={clean}") == 1
    out, error = capsys.readouterr()
    assert "No space left on device" in error and len(error.splitlines()) == 1 and out == ""
    assert len(copied) == 20 and tree(tmp_path) == before
