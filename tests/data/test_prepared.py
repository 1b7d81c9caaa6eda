"""A prepared file: what it holds, the same training as from its photographs, and a line for every damage."""

import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from flowers_jax.config_types import Config, Data
from flowers_jax.data import loader, pipeline, prepared_file, sources
from flowers_jax.data.checks import known_good
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.decode import decode
from flowers_jax.data.split import assign
from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.training.loop import fit
from tests.conftest import png
from tests.torture import outcome


@pytest.fixture
def divided(folder) -> Dataset:
    data = Dataset.from_folder(folder)
    grouped = (replace(one, group=one.path[-5]) if "three" in one.path else one for one in data.examples)
    return replace(data, examples=tuple(assign(tuple(grouped), (0.6, 0.2, 0.2), 0)))


@pytest.fixture
def file(divided, tmp_path):
    prepared_file.write(tmp_path / "flowers.npz", divided, 32, 10**8)
    return tmp_path / "flowers.npz"


def loaded(file, **keys) -> Dataset:
    return sources.load(Config(data=Data(array=str(file), **keys)))


def test_it_holds_every_photograph_with_its_class_part_and_group(divided, file):
    found = loaded(file, image_size=32)
    assert (found.name, found.classes) == ("drawn flowers", divided.classes)
    for example, one in zip(found.examples, divided.examples, strict=True):
        assert replace(example, sha256="", pixels="") == replace(one, sha256="", pixels="", alike="")
        rgb = decode(found.read(example.path))
        assert rgb.shape == (32, 32, 3) and known_good.seen(rgb).pixels == example.pixels
        large = decode(divided.read(one.path), 32, crop=1.0, interpolation="bicubic").astype(int)
        assert np.corrcoef(rgb.ravel(), large.ravel())[0, 1] > 0.8  # of noisy drawings, in JPEG
    assert len({example.group for example in found.examples}) == 11 and not found.remarks
    (remark,) = loaded(file, image_size=33).remarks
    assert "flowers.npz: prepared with --image_size=32, and --config.data.image_size=33 enlarges" in str(remark)


@pytest.mark.parametrize(("size", "wanted"), [((64, 40), (51, 32)), ((40, 64), (32, 51)), ((31, 90), (31, 90))])
def test_the_shorter_side_is_that_and_a_smaller_one_stays(size, wanted):
    one = prepared_file.encode(png(Image.new("RGB", size)), 32, 10**8)
    with Image.open(io.BytesIO(one.jpeg)) as image:
        assert (image.format, image.size) == ("JPEG", wanted)


def test_the_same_photographs_give_the_same_file(divided, file, tmp_path):
    prepared_file.write(tmp_path / "again.npz", divided, 32, 10**8)
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_numpy_reads_it_without_the_package(file):
    with np.load(file) as columns:
        first, *_ = columns["ends"]
        with Image.open(io.BytesIO(columns["jpegs"][:first].tobytes())) as image:
            assert image.size == (32, 32)
        assert set(columns["splits"]) == {"train", "validation", "test"} and len(columns["labels"]) == 60


def absent() -> None:
    raise ModuleNotFoundError("No module named 'tensorflow'")


def unpacked(file, root):
    """The photographs of a file in train/, validation/ and test/ folders of class folders."""
    found = loaded(file)
    for example in found.examples:
        target = root / example.split / f"{example.path}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(found.read(example.path))
    return str(root)


def test_it_trains_without_tensorflow_as_its_photographs_do_with_it(smoke, file, tmp_path, monkeypatch):
    smoke.data.name, smoke.epochs = "auto", 2
    smoke.data.dir = unpacked(file, tmp_path / "folders")
    fit(smoke, tmp_path / "folder")
    smoke.data.dir, smoke.data.array = "", str(file)
    monkeypatch.setattr(pipeline, "tensorflow", absent)
    summary = fit(smoke, tmp_path / "array")
    assert summary["dataset"] == "drawn flowers" and summary["dataset_source"] == f"prepared {file}"
    assert outcome.metrics(tmp_path / "folder") == outcome.metrics(tmp_path / "array")
    state, same = (outcome.state(tmp_path / run) for run in ("folder", "array"))
    assert state.keys() == same.keys() and all(state[path].tobytes() == same[path].tobytes() for path in state)
    with (tmp_path / "array" / "splits.csv").open() as rows:
        assert {row["split"] for row in csv.DictReader(rows)} == {"train", "validation", "test"}


def test_its_batches_are_those_of_its_photographs(file, tmp_path):
    data = loaded(file)
    folder = Dataset.from_folder(unpacked(file, tmp_path / "folders"))
    folder = replace(folder, examples=tuple(sorted(folder.examples, key=lambda one: one.pixels)))
    data = replace(data, examples=tuple(sorted(data.examples, key=lambda one: one.pixels)))
    parts = [loader.decode_split(one, "train", Preprocessing(28), max_pixels=10**6) for one in (data, folder)]
    for one, other in zip(*(loader.in_order(part, 10) for part in parts), strict=True):
        assert all(one[name].tobytes() == other[name].tobytes() for name in one)


def flipped(whole: bytes) -> bytes:
    """One bit of the last JPEG, far behind the other columns."""
    place = whole.rindex(b"\xff\xd9") - 40
    return whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


def members(change):
    def damage(whole: bytes) -> bytes:
        with np.load(io.BytesIO(whole)) as columns:
            changed = change(dict(columns))
        stream = io.BytesIO()
        np.savez(stream, **changed)
        return stream.getvalue()

    return damage


def compressed(whole: bytes) -> bytes:
    stream = io.BytesIO()
    with np.load(io.BytesIO(whole)) as columns:
        np.savez_compressed(stream, **columns)
    return stream.getvalue()


def without_zip(_: bytes) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: whole[: len(whole) // 2], "damaged, or no file of scripts/prepare.py (File is not a zip file)"),
        (lambda _: b"", "damaged, or no file of scripts/prepare.py ("),
        (without_zip, "damaged, or no file of scripts/prepare.py (File is not a zip file)"),
        (flipped, "is not as it was written; copy or prepare it again"),
        (compressed, "its jpegs are compressed"),
        (members(lambda of: {"images": of["labels"]}), "is no file of scripts/prepare.py ("),
        (members(lambda of: {k: v for k, v in of.items() if k != "splits"}), "is no file of scripts/prepare.py ("),
        (members(lambda of: of | {"labels": of["labels"] + 1}), "a label has no class"),
        (members(lambda of: of | {"labels": of["labels"] / 1}), "a column has another type"),
        (members(lambda of: of | {"labels": of["labels"][1:]}), "its columns differ in length"),
        (members(lambda of: of | {"splits": np.full(60, "dev")}), "a part no name"),
        (members(lambda of: of | {"ends": of["ends"][::-1]}), "its photographs do not fill it"),
        (members(lambda of: of | {"paths": np.full(60, "a")}), "a name is given twice"),
        (members(lambda of: of | {"classes": of["classes"].astype(object)}), "Object arrays cannot be loaded"),
    ],
)
def test_damage_is_one_line(file, damage, words):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(UsageError) as refused:
        loaded(file)
    message = str(refused.value)
    assert message.startswith(f"--config.data.array={file}: ") and words in message and "\n" not in message


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.npz: no such file; scripts/prepare\.py FOLDER --out="):
        loaded(tmp_path / "none.npz")
    with pytest.raises(UsageError, match=r"^--config\.data\.name=prepared: give --config\.data\.array=FILE"):
        sources.load(Config(data=Data(name="prepared")))
    with pytest.raises(UsageError, match=r"^--config\.data\.array=b: --config\.data\.dir=a is given too; leave one"):
        sources.load(Config(data=Data(dir="a", array="b")))


def test_a_key_that_changes_nothing_is_refused(smoke, file, tmp_path):
    smoke.data.name, smoke.data.array, smoke.data.group_similar = "auto", str(file), False
    with pytest.raises(UsageError, match=r"data\.group_similar=False: changes nothing with --config\.data\.array"):
        fit(smoke, tmp_path / "run")


def test_a_photograph_that_changed_leaves_no_file(divided, folder, tmp_path):
    next(folder.rglob("*.png")).unlink()
    with pytest.raises(TrainingError, match=r"a photograph changed since it was checked: .*\.png: .*No such file"):
        prepared_file.write(tmp_path / "new.npz", divided, 32, 10**8)
    assert not list(tmp_path.glob("*.npz")) and not list(tmp_path.glob(".partial*"))


def test_only_its_columns_are_compressed(file):
    with zipfile.ZipFile(file) as archive:
        stored = {one.filename for one in archive.infolist() if one.compress_type == zipfile.ZIP_STORED}
    assert stored == {prepared_file.JPEGS}
