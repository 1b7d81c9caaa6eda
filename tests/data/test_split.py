"""Splits: by content, stratified, seeded, and copies on one side."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowers_jax.data import split
from flowers_jax.data.dataset import Example
from flowers_jax.errors import UsageError

EXAMPLES = [Example(f"{label}/{i}", label, f"{label}-{i}") for label in range(3) for i in range(100)]


def parts(examples):
    return Counter((example.label, example.split) for example in examples)


def test_eighty_ten_ten_of_each_class():
    assert parts(split.assign(EXAMPLES, (0.8, 0.1, 0.1), 0)) == {
        (label, part): count for label in range(3) for part, count in (("train", 80), ("validation", 10), ("test", 10))
    }


def test_content_and_seed_decide_not_names_or_order():
    def by_content(examples):
        return {example.sha256: example.split for example in examples}

    one = by_content(split.assign(EXAMPLES, (0.8, 0.1, 0.1), 0))
    renamed = [replace(example, path=f"x{i}") for i, example in enumerate(reversed(EXAMPLES))]
    assert by_content(split.assign(renamed, (0.8, 0.1, 0.1), 0)) == one
    assert by_content(split.assign(EXAMPLES, (0.8, 0.1, 0.1), 1)) != one


def test_one_more_photograph_moves_few():
    before = split.assign(EXAMPLES, (0.8, 0.1, 0.1), 0)
    after = split.assign([*EXAMPLES, Example("new", 0, "new")], (0.8, 0.1, 0.1), 0)[:-1]
    assert sum(a.split != b.split for a, b in zip(before, after, strict=True)) <= 2


@settings(max_examples=100, deadline=None)
@given(
    contents=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), min_size=40, max_size=150),
    seed=st.integers(0, 100),
)
def test_copies_keep_to_one_side_and_every_file_is_placed(contents, seed):
    contents = [*contents, *((0, 100 + i) for i in range(100))]  # without copies, so that each part gets some
    examples = [Example(str(i), label, str(content)) for i, (label, content) in enumerate(contents)]
    done = split.assign(examples, (0.6, 0.2, 0.2), seed)
    assert [e.path for e in done] == [e.path for e in examples]
    sides = {}
    for example in done:
        assert sides.setdefault(example.sha256, example.split) == example.split in split.SPLITS


@settings(max_examples=50, deadline=None)
@given(
    groups=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=40, max_size=150),
    seed=st.integers(0, 100),
)
def test_what_looks_alike_keeps_to_one_side(groups, seed):
    groups = [*groups, *((0, 100 + i) for i in range(100))]
    examples = [Example(str(i), label, f"content {i}", alike=str(group)) for i, (label, group) in enumerate(groups)]
    folds = [split.assign_fold(examples, 3, number, (0.6, 0.2, 0.2), seed) for number in (1, 2, 3)]
    for done in (split.assign(examples, (0.6, 0.2, 0.2), seed), *folds):
        sides = {}
        for example in done:
            assert sides.setdefault(example.alike, example.split) == example.split in split.SPLITS
    assert Counter(e.path for done in folds for e in done if e.split == "test") == {e.path: 1 for e in examples}


def alike(label: int, *sizes: int) -> list[Example]:
    """A class of groups of so many photographs."""
    return [
        Example(f"{label}/{group}/{i}", label, f"{label}-{group}-{i}", alike=f"{label}-{group}")
        for group, size in enumerate(sizes)
        for i in range(size)
    ]


def test_groups_that_are_too_large_for_a_part_are_in_it_all_the_same():
    """Series of twenty, as from a video: a tenth of a class is ten."""
    done = split.assign([*alike(0, 20, 20, 20, 20, 20), *alike(1, 30, 40, 30)], (0.8, 0.1, 0.1), 0)
    assert parts(done) == {
        (0, "train"): 60, (0, "validation"): 20, (0, "test"): 20,
        (1, "train"): 40, (1, "validation"): 30, (1, "test"): 30,
    }  # fmt: skip
    without = parts(split.assign([*alike(0, 20, 20, 20), *alike(1, 3)], (0.9, 0.1, 0.0), 0))
    assert without == {(0, "train"): 40, (0, "validation"): 20, (1, "train"): 3}


def test_photographs_that_all_look_alike():
    folder = [*alike(0, 60), *alike(1, 60)]
    words = (
        r"left for validation: 120 photographs \(2 that do not look alike; --config\.data\.group_similar=False .*\) are"
    )
    with pytest.raises(UsageError, match=words):
        split.assign(folder, (0.8, 0.1, 0.1), 0)
    with pytest.raises(UsageError, match=r"too many for 120 photographs \(2 that do not .*\): fold 3 is empty"):
        split.assign_fold(folder, 3, 3, (0.8, 0.1, 0.1), 0)


def test_small_classes():
    few = [
        Example(f"{label}/{i}", label, f"{label}-{i}")
        for label, count in enumerate((1, 2, 3, 30))
        for i in range(count)
    ]
    counts = parts(split.assign(few, (0.8, 0.1, 0.1), 0))
    assert counts[0, "train"] == 1 and counts[1, "train"] == 2
    assert [counts[2, part] for part in split.SPLITS] == [1, 1, 1]
    assert [counts[3, part] for part in split.SPLITS] == [24, 3, 3]


def test_train_gets_at_least_one_of_each_class():
    four = [Example(f"{label}/{i}", label, f"{label}-{i}") for label in range(2) for i in range(4)]
    counts = parts(split.assign(four, (0.1, 0.45, 0.45), 0))
    assert counts[0, "train"] == counts[1, "train"] == 1


def test_no_test_part_where_none_is_wanted():
    assert {e.split for e in split.assign(EXAMPLES, (0.9, 0.1, 0.0), 0)} == {"train", "validation"}


def test_ready_made_parts_stay_and_a_missing_validation_comes_from_train():
    made = [replace(e, split="test" if i % 4 == 0 else "train") for i, e in enumerate(EXAMPLES)]
    done = {e.path: e.split for e in split.assign(made, (0.8, 0.1, 0.1), 0)}
    assert {path for path, part in done.items() if part == "test"} == {e.path for e in made if e.split == "test"}
    assert Counter(done.values())["validation"] == 3 * round(75 / 9)
    whole = [replace(e, split=("train", "validation")[i % 2]) for i, e in enumerate(EXAMPLES)]
    assert split.assign(whole, (0.8, 0.1, 0.1), 0) == whole


def test_too_few_photographs():
    with pytest.raises(UsageError, match="no photograph is left for validation"):
        split.assign([Example("a", 0, "a"), Example("b", 1, "b")], (0.8, 0.1, 0.1), 0)


def test_every_content_is_test_in_one_fold():
    copies = [*EXAMPLES, Example("copy", 1, "0-7")]
    folds = [split.assign_fold(copies, 5, number, (0.8, 0.1, 0.1), 0) for number in range(1, 6)]
    tested = Counter(example.path for done in folds for example in done if example.split == "test")
    assert tested == {example.path: 1 for example in copies}
    for done in folds:
        assert [example.path for example in done] == [example.path for example in copies]
        assert all(n in (20, 21) for (_, part), n in parts(done).items() if part == "test")
        sides = {example.split for example in done if example.sha256 == "0-7"}
        assert len(sides) == 1
        assert parts(done)[0, "validation"] == round(80 / 9)
    assert split.assign_fold(copies, 5, 1, (0.8, 0.1, 0.1), 0) == folds[0]
    assert split.assign_fold(copies, 5, 1, (0.8, 0.1, 0.1), 1) != folds[0]


def test_folds_that_cannot_be():
    ready = [replace(example, split="train") for example in EXAMPLES]
    with pytest.raises(UsageError, match=r"data\.folds: the photographs are divided into train"):
        split.assign_fold(ready, 5, 1, (0.8, 0.1, 0.1), 0)
    few = [example for example in EXAMPLES if example.sha256.endswith(("-0", "-1"))]
    with pytest.raises(UsageError, match=r"folds=7: too many for 6 photographs: fold 7 is empty"):
        split.assign_fold(few, 7, 7, (0.8, 0.1, 0.1), 0)
