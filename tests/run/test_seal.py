"""Sums that say whether a folder is whole."""

import json
import os

import pytest

from flowers_jax.run import seal


@pytest.fixture
def sealed(tmp_path):
    folder = tmp_path / "sealed"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a").write_bytes(b"first")
    (folder / "deeper" / "b").write_bytes(b"second")
    seal.seal(folder)
    return folder


def test_a_sealed_folder_is_whole(sealed):
    assert seal.damage(sealed) == ""
    assert list(seal.read(sealed)) == ["a", "deeper/b"]
    assert sorted(os.listdir(sealed)) == ["a", "deeper", "manifest.json"]


def test_what_is_wrong_is_named(sealed):
    (sealed / "deeper" / "b").write_bytes(b"seconds")
    assert seal.damage(sealed) == "its deeper/b is not as it was written"
    (sealed / "deeper" / "b").unlink()
    assert seal.damage(sealed) == "its deeper/b is missing"
    os.mkfifo(sealed / "deeper" / "b")
    assert seal.damage(sealed) == "its deeper/b is missing"
    (sealed / "manifest.json").unlink()
    assert "it was not finished" in seal.damage(sealed)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\x00" * 40])
def test_a_manifest_that_is_damaged_is_no_manifest(sealed, text):
    (sealed / "manifest.json").write_text(text)
    assert seal.damage(sealed) == "its manifest.json is damaged"


def test_nothing_outside_is_looked_at(sealed, tmp_path):
    (tmp_path / "secret").write_bytes(b"first")
    sums = json.loads((sealed / "manifest.json").read_text())
    for name in ("../secret", str(tmp_path / "secret")):
        seal.write(sealed, {name: sums["a"]})
        assert seal.damage(sealed) == f"its {name} is missing"
    (tmp_path / "same").symlink_to(sealed)
    assert seal.damage(tmp_path / "same") == "it is a link"
    (sealed / "link").symlink_to(tmp_path / "secret")
    seal.write(sealed, {"link": sums["a"]})
    assert seal.damage(sealed) == "its link is missing"
