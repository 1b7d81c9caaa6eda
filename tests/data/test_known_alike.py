"""Photographs that were compared once are not compared again."""

import pytest

from flowers_jax.data.checks import known_alike, similar
from flowers_jax.runtime.cache import cache_dir

ONE, OTHER = "0f" * 32, "f0" * 32


@pytest.fixture
def compared(monkeypatch, tmp_path):
    """How many contents were compared, each time."""
    counts, groups = [], similar.groups
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    monkeypatch.setattr(known_alike, "FEWEST", 3)
    monkeypatch.setattr(similar, "groups", lambda prints: counts.append(len(prints)) or groups(prints))
    return counts


def test_the_groups_are_remembered_until_a_photograph_is_another(compared):
    prints = {"c": ONE, "a": OTHER, "b": ONE}
    wanted = {"a": "a", "b": "b", "c": "b"}
    assert known_alike.groups(prints) == known_alike.groups(prints) == wanted
    assert compared == [3]
    assert known_alike.groups(prints | {"a": ONE}) == dict.fromkeys("abc", "a")
    assert known_alike.groups(prints | {"d": OTHER}) == wanted | {"d": "a"}
    assert compared == [3, 3, 4]


def test_few_are_compared_anew_and_leave_no_file(compared):
    assert known_alike.groups({"a": ONE, "b": ONE}) == {"a": "a", "b": "a"}
    assert compared == [2] and not (cache_dir() / "alike").exists()


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-9], lambda _: b"", lambda whole: whole.replace(b"\x01", b"\x02")]
)
def test_a_damaged_file_is_made_again(compared, damage):
    prints = {"a": OTHER, "b": ONE, "c": ONE}
    wanted = known_alike.groups(prints)
    (file,) = (cache_dir() / "alike").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert known_alike.groups(prints) == wanted
    assert compared == [3, 3] and file.read_bytes() == whole
