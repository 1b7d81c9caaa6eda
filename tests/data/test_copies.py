"""Copies in two classes, and across ready-made parts."""

import shutil

import pytest

from flowers_jax import config as config_lib
from flowers_jax.data import sources
from flowers_jax.data.checks.review import review
from flowers_jax.data.sources.folder import load_folder, scan_folder
from tests.conftest import png
from tests.data.pictures import scene


def reasons(root) -> dict[str, str]:
    return {problem.path: problem.reason for problem in scan_folder(str(root)).skipped}


def test_a_photograph_in_two_classes_is_in_none(folder):
    one = folder / "five_petals" / "0.png"
    shutil.copy(one, folder / "three_petals" / "same.png")
    shutil.copy(one, folder / "five_petals" / "again.png")
    shutil.copy(folder / "five_petals" / "1.png", folder / "five_petals" / "twice.png")  # its label is clear
    data = load_folder(str(folder))
    assert {problem.path: problem.reason for problem in data.skipped} == {
        "five_petals/0.png": "byte-identical to three_petals/same.png, which is in another class",
        "five_petals/again.png": "byte-identical to three_petals/same.png, which is in another class",
        "three_petals/same.png": "byte-identical to five_petals/0.png, which is in another class",
    }
    assert len(data.examples) == 60
    assert {example.path.split("/")[0] for example in data.examples if example.label == 2} == {"three_petals"}


def test_a_class_of_such_photographs_only_is_no_class(folder):
    shutil.copytree(folder / "five_petals", folder / "a copy")
    data = load_folder(str(folder))
    assert data.classes == ("eight_petals", "three_petals") and len(data.examples) == 40
    assert {example.path.split("/")[0]: example.label for example in data.examples} == {
        "eight_petals": 0, "three_petals": 1,
    }  # fmt: skip
    assert reasons(folder)["a copy/"] == reasons(folder)["five_petals/"] == "class without a usable photograph"


@pytest.fixture
def divided(folder, tmp_path):
    """Ten of each class in train, five in validation, five in test."""
    root = tmp_path / "divided"
    for path in folder.glob("*/*.png"):
        part = ("train", "validation", "train", "test")[int(path.stem) % 4]
        (root / part / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / part / path.parent.name)
    return root


def test_the_earlier_part_gives_way(divided):
    assert reasons(divided) == {}
    shutil.copy(divided / "test/five_petals/3.png", divided / "train/five_petals/leak.png")
    shutil.copy(divided / "test/five_petals/7.png", divided / "validation/three_petals/leak.png")
    shutil.copy(divided / "validation/five_petals/1.png", divided / "train/five_petals/other.png")
    (divided / "train/three_petals/alike.jpg").write_bytes(png(scene(1), "JPEG"))
    (divided / "train/three_petals/different.jpg").write_bytes(png(scene(2), "JPEG"))
    (divided / "validation/three_petals/alike.jpg").write_bytes(png(scene(1), "JPEG", quality=60))
    (divided / "test/eight_petals/alike.png").write_bytes(png(scene(1).resize((200, 150))))
    assert reasons(divided) == {
        "train/five_petals/leak.png": "byte-identical to test/five_petals/3.png, which is in another part",
        "validation/three_petals/leak.png": "byte-identical to test/five_petals/7.png, which is in another part",
        "train/five_petals/other.png": "byte-identical to validation/five_petals/1.png, which is in another part",
        "train/three_petals/alike.jpg": "looks like test/eight_petals/alike.png, which is in another part",
        "validation/three_petals/alike.jpg": "looks like test/eight_petals/alike.png, which is in another part",
    }
    data = load_folder(str(divided))
    assert len(data.examples) == 62
    assert {e.alike for e in data.examples if e.split == "train"}.isdisjoint(
        {e.alike for e in data.examples if e.split != "train"}
    )


def test_two_classes_within_a_part(divided):
    shutil.copy(divided / "test/five_petals/3.png", divided / "test/three_petals/same.png")
    assert reasons(divided) == {
        "test/five_petals/3.png": "byte-identical to test/three_petals/same.png, which is in another class",
        "test/three_petals/same.png": "byte-identical to test/five_petals/3.png, which is in another class",
    }


def test_a_source_finds_them_all(folder, divided, smoke):
    """What came since a run began must not take its photographs away."""
    shutil.copytree(folder / "five_petals", folder / "came since")
    shutil.copy(divided / "test/five_petals/3.png", divided / "train/five_petals/leak.png")
    for root, count in ((folder, 80), (divided, 61)):
        smoke.data.dir = str(root)
        config = config_lib.validate(smoke)
        found = sources.load(config)
        assert len(found.examples) == count > len(review(found).examples)
        assert all(found.classes[e.label] == e.path.split("/")[-2] for e in found.examples)


def test_alike_within_a_part_or_an_undivided_folder_is_no_matter(folder, divided):
    for root in (folder, divided / "train"):
        (root / "five_petals/one.jpg").write_bytes(png(scene(1), "JPEG"))
        (root / "five_petals/two.jpg").write_bytes(png(scene(1), "JPEG", quality=60))
    assert reasons(folder) == reasons(divided) == {}
    one, two = (e for e in load_folder(str(folder)).examples if e.path.endswith(".jpg"))
    assert one.sha256 != two.sha256 and one.alike == two.alike == min(one.sha256, two.sha256)


def test_remarks_leave_everything_usable(folder):
    shutil.move(folder / "five_petals", folder / "Three_Petals")
    (folder / "lonely").mkdir()
    for name in ("a.png", "copy of a.png"):
        (folder / "lonely" / name).write_bytes(png(scene(3)))
    data = load_folder(str(folder))
    assert data.classes == ("Three_Petals", "eight_petals", "lonely", "three_petals") and len(data.examples) == 62
    assert data.skipped == ()
    assert {remark.path: remark.reason for remark in data.remarks} == {
        "lonely/": "class of one photograph: it cannot be both trained on and tested",
        "three_petals/": "differs from Three_Petals/ only by case; rename one if they are one class",
    }
