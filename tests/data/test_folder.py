"""Folders as people have them."""

import os
import shutil

import pytest

from flowers_jax.data.sources.folder import load_folder
from flowers_jax.errors import UsageError
from tests.conftest import png


def test_class_folders(folder):
    data = load_folder(str(folder))
    assert data.name == "drawn flowers"
    assert data.classes == ("eight_petals", "five_petals", "three_petals")
    assert len(data.examples) == 60 and data.skipped == ()
    assert [e.path for e in data.examples] == sorted(e.path for e in data.examples)
    assert data.read("five_petals/3.png") == (folder / "five_petals/3.png").read_bytes()
    assert {e.label for e in data.examples if e.path.startswith("five_petals/")} == {1}


def test_what_is_no_photograph_is_listed_and_the_rest_is_used(folder, draw, tmp_path):
    outside = tmp_path / "outside.png"
    outside.write_bytes(png(draw(1)))
    five = folder / "five_petals"
    (five / "empty.jpg").touch()
    (five / "text.jpg").write_text("<html>")
    (five / "cut.png").write_bytes((five / "0.png").read_bytes()[:500])
    os.mkfifo(five / "pipe.jpg")
    (five / "away.png").symlink_to(outside)
    (five / "dangling.png").symlink_to(tmp_path / "none")
    (five / "loop").symlink_to(five)
    (five / "inside.png").symlink_to(five / "1.png")
    (five / ".hidden.png").write_bytes(b"")
    (five / "Thumbs.db").write_bytes(b"")
    (five / "deeper").mkdir()
    (five / "deeper" / 'naïve "q"\n.png').write_bytes(png(draw(2)))
    (five / "right content.txt").write_bytes(png(draw(3), "JPEG"))
    (folder / "LICENSE.txt").write_text("CC-BY")
    (folder / "loose.jpg").write_bytes(png(draw(4)))
    (folder / "nobody").mkdir()
    (folder / "not reached").symlink_to(tmp_path)
    (folder / "unplugged").symlink_to(tmp_path / "no such disk")
    data = load_folder(str(folder))
    paths = {e.path for e in data.examples}
    assert len(paths) == 63
    assert {"five_petals/inside.png", "five_petals/right content.txt", 'five_petals/deeper/naïve "q"\n.png'} <= paths
    reasons = {skipped.path: skipped.reason for skipped in data.skipped}
    expected = {
        "five_petals/empty.jpg": "empty file",
        "five_petals/text.jpg": "not an image",
        "five_petals/cut.png": "damaged image",
        "five_petals/pipe.jpg": "not a regular file",
        "five_petals/away.png": "link out of the folder",
        "five_petals/dangling.png": "broken link",
        "five_petals/loop": "link to a folder that is read already",
        "loose.jpg": "not in a class folder",
        "nobody/": "class without a usable photograph",
        "not reached": "link out of the folder",
        "unplugged": "broken link",
    }
    assert reasons.keys() == expected.keys()
    for path, reason in expected.items():
        assert reason in reasons[path]


def test_links_out_are_read_when_asked(folder, draw, tmp_path):
    moved = tmp_path / "elsewhere"
    shutil.move(folder / "five_petals", moved)
    (folder / "five_petals").symlink_to(moved)
    (moved / "round").symlink_to(moved)
    (tmp_path / "another.png").write_bytes(png(draw(1)))
    (folder / "three_petals" / "linked.png").symlink_to(tmp_path / "another.png")
    assert len(load_folder(str(folder)).examples) == 40
    assert len(load_folder(str(folder), follow_links=True).examples) == 61


@pytest.mark.parametrize("validation", ["validation", "val", "valid"])
def test_ready_made_parts(folder, tmp_path, validation):
    divided = tmp_path / "divided"
    for name, part in (("train", "0"), (validation, "1"), ("test", "2")):
        for kind in ("five_petals", "three_petals"):
            (divided / name / kind).mkdir(parents=True)
            shutil.copy(folder / kind / f"{part}.png", divided / name / kind)
    data = load_folder(str(divided))
    assert [(e.path.split("/")[0], e.split) for e in data.examples[::2]] == sorted(
        [("train", "train"), (validation, "validation"), ("test", "test")]
    )
    assert data.skipped == ()
    (divided / "test" / "strange").mkdir()
    shutil.copy(folder / "five_petals/5.png", divided / "test" / "strange")
    with pytest.raises(UsageError, match="train/ has no usable photograph of class strange"):
        load_folder(str(divided))
    (divided / "test" / "strange" / "5.png").unlink()
    shutil.copy(folder / "five_petals/0.png", divided / "test" / "five_petals")
    leak = r"class five_petals; the first of 2 skipped: train/five_petals/0\.png: byte-identical to test/five_petals/0"
    with pytest.raises(UsageError, match=leak):
        load_folder(str(divided))


def test_parts_are_protected_as_class_folders_are(folder, tmp_path):
    divided = tmp_path / "divided"
    shutil.copytree(folder, divided / "train")
    for moved in [*divided.glob("train/*/1?.png")]:
        (divided / "validation" / moved.parent.name).mkdir(parents=True, exist_ok=True)
        moved.rename(divided / "validation" / moved.parent.name / moved.name)
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(folder, tmp_path / "elsewhere" / "more")
    (divided / "test").symlink_to(tmp_path / "elsewhere")
    (divided / "extra").mkdir()
    data = load_folder(str(divided))
    assert {e.split for e in data.examples} == {"train", "validation"}
    assert [s.path for s in data.skipped] == ["extra", "test"]
    (divided / "val").mkdir()
    with pytest.raises(UsageError, match=r"several validation folders \(val, validation\)"):
        load_folder(str(divided))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be refused")
def test_what_may_not_be_read_is_listed(folder, tmp_path):
    (folder / "five_petals" / "0.png").chmod(0)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o700)
    (folder / "five_petals" / "link.png").symlink_to(locked / "x.png")
    for parent in [tmp_path, *(parent for parent in tmp_path.parents if "pytest-" in str(parent))]:
        parent.chmod(0o755)
    load_folder(str(folder))  # imports what the other user may not read
    os.seteuid(65534)
    try:
        data = load_folder(str(folder))
    finally:
        os.seteuid(0)
    assert {(s.path, s.reason) for s in data.skipped} == {
        ("five_petals/0.png", "Permission denied"),
        ("five_petals/link.png", "Permission denied"),
    }


def test_mistakes(tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        load_folder(str(tmp_path / "none"))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not a folder"):
        load_folder(str(tmp_path / "file"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no usable photograph"):
        load_folder(str(tmp_path / "empty"))
    (tmp_path / "empty" / "class").mkdir()
    (tmp_path / "empty" / "class" / "a.jpg").write_text("x")
    with pytest.raises(UsageError, match=r"a\.jpg: not an image"):
        load_folder(str(tmp_path / "empty"))


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_class_may_be_called_like_a_part(folder, name):
    (folder / "five_petals").rename(folder / name)
    assert name in load_folder(str(folder)).classes


def divided_as(folder, tmp_path, train, test):
    """Two classes in two folders of those names."""
    for part, numbers in ((train, range(10)), (test, range(10, 14))):
        for kind in ("five_petals", "three_petals"):
            (tmp_path / "divided" / part / kind).mkdir(parents=True)
            for number in numbers:
                shutil.copy(folder / kind / f"{number}.png", tmp_path / "divided" / part / kind)
    return str(tmp_path / "divided")


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("TRAIN", "Val"), ("train", "TEST")])
def test_parts_in_whatever_case_are_parts(folder, tmp_path, train, test):
    data = load_folder(divided_as(folder, tmp_path, train, test))
    assert data.classes == ("five_petals", "three_petals") and data.remarks == ()
    assert {e.split for e in data.examples} == {"train", "validation" if test == "Val" else "test"}


@pytest.mark.parametrize(("train", "test"), [("Training", "Testing"), ("train", "holdout")])
def test_parts_of_other_names_are_classes_with_a_warning(folder, tmp_path, train, test):
    data = load_folder(divided_as(folder, tmp_path, train, test))
    assert set(data.classes) == {train, test}
    (remark,) = data.remarks
    assert remark.path == f"{train}/"
    assert "used as a class, but five_petals/ is in other classes too" in remark.reason


def test_two_training_folders_are_one_too_many(folder, tmp_path):
    root = divided_as(folder, tmp_path, "train", "test")
    shutil.copytree(f"{root}/train", f"{root}/TRAIN")
    with pytest.raises(UsageError, match=r"several train folders \(TRAIN, train\)"):
        load_folder(root)
