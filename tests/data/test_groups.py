"""Groups of the user: they never cross a split or a fold; a division that is not possible is one line."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowers_jax.data import sources, split
from flowers_jax.data.checks.groups import by_pattern, check_parts
from flowers_jax.data.checks.review import review
from flowers_jax.data.dataset import Dataset, Example, identity
from flowers_jax.errors import UsageError
from flowers_jax.training.loop import fit
from tests.scripts.commands import SMOKE, script, table

FRACTIONS = (0.6, 0.2, 0.2)
LONE = [Example(f"lone {i}", i % 2, f"lone {i}", group=f"lone {i}") for i in range(60)]
"""Photographs of a group each, so that every part gets some."""


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 25), st.booleans()), min_size=30, max_size=120
    ),
    seed=st.integers(0, 1000),
)
def test_groups_and_what_looks_alike_never_cross(rows, seed):
    """(class, group, look, whether the photograph has a group at all)"""
    examples = [
        Example(str(i), label, f"content {i}", group=f"plant {group}" if named else "", alike=f"look {look}")
        for i, (label, group, look, named) in enumerate(rows)
    ]
    examples = [*examples, *LONE]
    folds = [split.assign_fold(examples, 3, number, FRACTIONS, seed) for number in (1, 2, 3)]
    for done in (split.assign(examples, FRACTIONS, seed), *folds):
        assert [e.path for e in done] == [e.path for e in examples]
        for unit in ("group", "alike"):
            parts = {}
            for example in done:
                if name := getattr(example, unit):
                    assert parts.setdefault(name, example.split) == example.split in split.SPLITS
    given = [replace(e, split="test" if e.group in ("plant 0", "lone 0") else "train") for e in examples]
    parts = {}
    for example in split.assign(given, FRACTIONS, seed):
        if example.group:
            assert parts.setdefault(example.group, example.split) == example.split
    assert parts["lone 0"] == "test" and "validation" in parts.values()
    tested = Counter(example.path for done in folds for example in done if example.split == "test")
    assert tested == {example.path: 1 for example in examples}


def test_what_connects_is_one_unit():
    """a and b look alike, b and c are of one plant, d stands alone."""
    a, b = Example("a", 0, "1", alike="1"), Example("b", 0, "2", group="plant", alike="1")
    c, d = Example("c", 1, "3", group="plant", alike="3"), Example("d", 1, "4", alike="4")
    assert split.units([d, c, b, a]) == {"1": "1", "3": "1", "4": "4"}


def test_names_of_groups_do_not_matter():
    examples = [Example(f"{i}", i % 2, f"content {i}", group=f"plant {i // 3}") for i in range(60)]
    renamed = [replace(example, group=f"another {example.group}") for example in examples]
    one, other = (split.assign(each, FRACTIONS, 0) for each in (examples, renamed))
    assert [e.split for e in one] == [e.split for e in other]
    assert {e.split for e in one} == set(split.SPLITS)


def plants(count: int, each: int) -> list[Example]:
    return [
        Example(f"{plant}/{i}", i % 2, f"{plant}-{i}", group=f"{plant}") for plant in range(count) for i in range(each)
    ]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, r"left for validation: 20 photographs \(groups, which stay whole: 1\) are too few for .*data\.split=0\.6"),
        (2, r"left for test: 40 photographs \(groups, which stay whole: 2\) are too few"),
    ],
)
def test_too_few_groups_are_one_line(count, words):
    with pytest.raises(UsageError, match=words) as refused:
        split.assign(plants(count, 20), FRACTIONS, 0)
    assert "\n" not in str(refused.value)


def test_too_few_groups_for_the_folds():
    with pytest.raises(UsageError, match=r"folds=5: too many for 80 photographs \(groups, .*: 4\): fold 5 is empty$"):
        split.assign_fold(plants(4, 20), 5, 5, FRACTIONS, 0)


def test_without_a_test_part_two_groups_are_enough():
    assert {e.split for e in split.assign(plants(2, 20), (0.5, 0.5, 0.0), 0)} == {"train", "validation"}


def test_a_class_of_one_group_is_remarked_on():
    """It is in one part, however many photographs it has."""
    examples = [*plants(4, 6), *(Example(f"x/{i}", 2, f"x-{i}", group="x") for i in range(5))]
    dataset = Dataset("x", "", ("one", "two", "three"), tuple(examples), lambda _: b"")
    assert review(dataset).remarks == (("three/", "class of one group: it cannot be both trained on and tested"),)


def test_a_group_in_two_given_parts_is_named_with_two_paths():
    examples = [Example("a/1", 0, "1", "train", "p7"), Example("b/2", 1, "2", "test", "p7"), Example("c", 0, "3")]
    dataset = Dataset("x", "", ("one", "two"), tuple(examples), lambda _: b"")
    with pytest.raises(UsageError, match=r"^group p7 is in two parts, a/1 in train and b/2 in test; put all"):
        check_parts(dataset)
    check_parts(replace(dataset, examples=tuple(replace(example, split="train") for example in examples[:2])))


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"plant(\d+)_", ["7", "7", "12"]),
        (r"plant\d+", ["plant7", "plant7", "plant12"]),
        (r"^(\w+)/(plant)", ["rose", "daisy", "rose"]),
    ],
)
def test_patterns_give_groups(pattern, groups):
    paths = ("rose/plant7_1.jpg", "daisy/plant7_2.jpg", "rose/plant12_1.jpg")
    examples = tuple(Example(path, 0, path) for path in paths)
    assert [e.group for e in by_pattern(Dataset("", "", ("a",), examples, len), pattern).examples] == groups


@pytest.mark.parametrize("pattern", [r"(\d)\.png", r"(9)?"])
def test_a_path_without_a_group_is_told(pattern):
    examples = tuple(Example(path, 0, path) for path in ("9.png", "b.png", "c.png"))
    dataset = Dataset("", "", ("a",), examples, len)
    with pytest.raises(UsageError, match=r"gives no group to 2 of 3 photographs, the first b\.png; give"):
        by_pattern(dataset, pattern)
    assert [e.group for e in by_pattern(dataset, pattern, strict=False).examples] == ["9", "", ""]


def test_a_pattern_of_a_run(smoke, folder, tmp_path, capsys):
    """Two of the twenty numbers of a class end in each digit: they are one plant, in all three classes."""
    smoke.data.dir, smoke.data.group_pattern, smoke.epochs, smoke.data.split = str(folder), r"(\d)\.png$", 1, FRACTIONS
    smoke.data.group_similar = False
    summary = fit(smoke, tmp_path / "run")
    parts = {}
    for row in table(tmp_path / "run" / "splits.csv"):
        assert parts.setdefault(row["path"][-5], row["split"]) == row["split"]
    assert Counter(parts.values()) == {"train": 6, "validation": 2, "test": 2}
    smoke.epochs = 2
    (folder / "five_petals" / "new.png").write_bytes((folder / "five_petals" / "1.png").read_bytes() + b"\0")
    again = fit(smoke, tmp_path / "run")
    assert again["dataset_sha256"] == summary["dataset_sha256"] and again["dataset_examples"] == 60
    flags = [*SMOKE, f"--workdir={tmp_path}/other", f"--config.data.dir={folder}"]
    for pattern, words in ((r"(\d)\.png$", "gives no group to 1 of 61"), ("(", "must be a regular expression")):
        assert script("train", *flags, f"--config.data.group_pattern={pattern}") == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1
    assert not (tmp_path / "other").exists()


def test_a_group_in_two_parts_stops_a_run(smoke, folder, tmp_path):
    for path in folder.rglob("*.png"):
        part = tmp_path / "parts" / ("train" if len(path.stem) > 1 else "test") / path.parent.name
        part.mkdir(parents=True, exist_ok=True)
        path.rename(part / path.name)
    smoke.data.dir, smoke.data.group_pattern = str(tmp_path / "parts"), r"(\d)\.png$"
    with pytest.raises(UsageError, match=r"data\.dir=.*: group \d is in two parts, test/\S+ in test and train/\S+ in"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_groups_are_in_the_hash_of_the_data(folder):
    plain, grouped = (Dataset.from_folder(folder, **keys) for keys in ({}, {"group_pattern": r"\d"}))
    assert identity(plain) != identity(grouped) == identity(replace(grouped, examples=grouped.examples[::-1]))
    assert sources.NAMING and grouped.origin["data.group_pattern"] == r"\d"
