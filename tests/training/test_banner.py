"""What a run says at its start: the photographs first, and why some are left out."""

import re
import shutil

import pytest

from flowers_jax.errors import UsageError
from flowers_jax.runtime import progress
from flowers_jax.training import banner, setup
from flowers_jax.training.loop import fit
from tests.training.test_remarks import dataset


class Prepared(Exception):  # noqa: N818
    """Ends a run before its model is made."""


@pytest.fixture
def until_the_model(monkeypatch):
    def stop(*_):
        raise Prepared

    monkeypatch.setattr(setup, "_weights", stop)


@pytest.mark.usefixtures("until_the_model")
def test_the_photographs_are_told_before_the_model_is_made(smoke, folder, tmp_path, capsys):
    shutil.copy(folder / "five_petals/0.png", folder / "five_petals/copy.png")
    shutil.copy(folder / "five_petals/1.png", folder / "eight_petals/1b.png")
    (folder / "five_petals" / "no\nphotograph.png").write_bytes(b"text")
    smoke.data.dir = str(folder)
    with pytest.raises(Prepared):
        fit(smoke, tmp_path / "run")
    printed = capsys.readouterr().out
    assert f"run      {tmp_path / 'run'}\n" in printed
    assert "data     drawn flowers: 60 photographs, 3 classes\n" in printed
    assert re.search(r"^ +class +train +validation +test +all$", printed, re.MULTILINE)
    assert re.search(r"^ +three_petals +16 +2 +2 +20$", printed, re.MULTILINE)
    assert "the smallest class is three_petals, 20" in printed or "the smallest class is " in printed
    assert re.search(r"copies +\d+ photographs look like another one; each of these \d+ groups is in one part", printed)
    assert r"five_petals/no\nphotograph.png: " in printed
    assert "five_petals/1.png: byte-identical to" in printed
    assert re.search("^model    seed_cnn, float32$", printed, re.MULTILINE) and "\ndevices  1 x cpu\n" in printed


@pytest.mark.usefixtures("until_the_model")
def test_quiet_is_the_path_alone(smoke, tmp_path, capsys):
    with pytest.raises(Prepared), progress.quiet():
        fit(smoke, tmp_path / "run")
    assert capsys.readouterr().out == f"run      {tmp_path / 'run'}\n"


def test_many_classes_are_cut():
    many = dataset([3] * 3)
    lines = banner._classes(many.__class__(**{**vars(many), "classes": tuple(map(str, range(1000)))}))
    assert len(lines) == 1 + banner.MOST_LISTED + 3
    assert lines[-3] == "and 980 more" and lines[-2].split() == ["all", "classes", "9", "0", "0", "9"]


def test_a_mistake_that_is_seen_after_the_photographs_leaves_nothing(smoke, tmp_path):
    smoke.loss.class_weights = "1,2"
    with pytest.raises(UsageError, match="has 2 numbers, and there are 3 classes"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()
