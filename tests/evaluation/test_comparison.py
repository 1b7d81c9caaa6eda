"""A comparison of runs says what their files say, and warns where the figures are not of the same photographs."""

import json
import shutil

import numpy as np
import pytest
import scipy.stats

from flowers_jax.errors import UsageError
from flowers_jax.evaluation.comparison import compare
from flowers_jax.run.directory import RunDirectory
from tests.made_runs import CLASSES, Photograph, judged, write

TRAINED = [Photograph(f"train {i}", CLASSES[i % 2], "train") for i in range(4)]
VALIDATED = [Photograph("validation", "rose", "validation")]


def drawn(seed: int, share: float, count: int = 60) -> list[bool]:
    return (np.random.default_rng(seed).random(count) < share).tolist()


def with_others(photographs: list[Photograph]) -> list[Photograph]:
    return TRAINED + VALIDATED + photographs


def rows_of(run) -> dict[str, bool]:
    """Whether each test photograph is right, by its SHA-256, from the files alone."""
    sha = {row["path"]: row["sha256"] for row in RunDirectory(run).read_csv("splits.csv")}
    rows = RunDirectory(run).read_csv("predictions.csv")
    return {sha[row["path"]]: row["label"] == row["predicted"] for row in rows}


def test_the_test_of_pairs_and_the_intervals_are_scipys(tmp_path):
    runs = [
        write(tmp_path / name, with_others(judged(drawn(seed, share))))
        for seed, (name, share) in enumerate([("a", 0.5), ("b", 0.9), ("c", 0.6)])
    ]
    facts = compare(runs)
    first, *others = map(rows_of, runs)
    expected = []
    for one, rows in zip(facts["against_first"], others, strict=True):
        only, only_first = sum(rows[k] > first[k] for k in rows), sum(first[k] > rows[k] for k in rows)
        assert (one["shared"], one["only_right"], one["only_first_right"]) == (60, only, only_first)
        assert (one["right"], one["first_right"]) == (sum(rows.values()), sum(first.values()))
        expected.append(scipy.stats.binomtest(only, only + only_first).pvalue)
        assert one["p"] == pytest.approx(expected[-1], abs=1e-12)
    assert expected[0] < 0.01 < 0.05 < expected[1]
    assert [one["p_holm"] for one in facts["against_first"]] == pytest.approx([2 * expected[0], expected[1]])
    b, c = (one["words"] for one in facts["against_first"])
    assert "is more than chance explains" in b and "may be chance" in c and "after Holm's correction for 2 tests" in c
    for row, rows in zip(facts["runs"], map(rows_of, runs), strict=True):
        interval = scipy.stats.binomtest(sum(rows.values()), 60).proportion_ci(0.95, method="wilson")
        np.testing.assert_allclose(row["test_interval"], (interval.low, interval.high), atol=1e-12)
        assert (row["test_accuracy"], row["test_examples"]) == (sum(rows.values()) / 60, 60)
        assert row["test_calibrated_ece"] == pytest.approx(abs(0.8 - row["test_accuracy"]))
    assert facts["warnings"] == [] and json.dumps(facts, allow_nan=False)


def test_equal_runs_are_no_test(tmp_path):
    a = write(tmp_path / "a", judged(drawn(0, 0.5)))
    shutil.copytree(a, tmp_path / "copy")
    facts = compare([a, tmp_path / "copy"])
    assert facts["keys"] == {} and facts["against_first"][0]["p"] == 1
    assert "each is right on the same ones" in facts["against_first"][0]["words"]


def test_the_keys_that_differ_have_their_values(tmp_path):
    a = write(tmp_path / "a", judged([True]), epochs=3)
    b = write(tmp_path / "b", judged([True]), seed=7, loss__name="focal", data__name="a/source.py:SOURCE",
              optimizer__name="given")  # fmt: skip
    keys = compare([a, b])["keys"]
    assert {key: values for key, values in keys.items() if not key.startswith("optimizer.options.")} == {
        "seed": [0, 7], "data.name": ["procedural", "a/source.py:SOURCE"], "loss.name": ["cross_entropy", "focal"],
        "loss.options.gamma": [None, 2.0], "optimizer.name": ["adamw", "given"],
    }  # fmt: skip


def test_classes_are_compared_by_name(tmp_path):
    roses, tulips = judged([True, True, False, False]), judged([True], "tulip", "rose", 10)
    a = write(tmp_path / "a", [*roses, *judged([False], "daisy", "rose", 20)])
    b = write(tmp_path / "b", [*roses, *tulips], ("tulip", "rose", "daisy"))
    facts = compare([a, b])
    assert facts["per_class"]["rose"]["support"] == [4, 4] and facts["per_class"]["rose"]["recall"] == [0.5, 0.5]
    assert facts["per_class"]["rose"]["f1"] == pytest.approx([4 / 7, 2 / 3])
    assert facts["per_class"]["tulip"] == {"support": [None, 1], "recall": [None, 1.0], "f1": [None, 1.0]}
    assert facts["per_class"]["daisy"]["recall"] == [0.0, None]
    assert "b has other classes than a: with tulip" in facts["warnings"]


def test_photographs_are_matched_by_content_and_label(tmp_path):
    """Not by path: the same names are other photographs, and a photograph may have another name."""
    a = [Photograph(f"{i}", "rose", "test", "rose", f"rose/{i}.jpg") for i in range(6)]
    moved = [Photograph(f"{i}", "rose", "test", "daisy", f"rose/{i + 1}.jpg") for i in range(3)]
    relabelled = [Photograph("4", "daisy", "test", "daisy", "daisy/4.jpg")]
    facts = compare([write(tmp_path / "a", a), write(tmp_path / "b", moved + relabelled)])
    (one,) = facts["against_first"]
    assert (one["shared"], one["only_right"], one["only_first_right"]) == (3, 0, 3)
    assert one["p"] == pytest.approx(scipy.stats.binomtest(0, 3).pvalue)
    assert facts["warnings"][0].startswith("b has other photographs than a: their SHA-256 is ")
    assert facts["warnings"][1:] == [
        "the test part of b is not that of a: 4 and 6 photographs, 4 in both",
        "1 of the photographs that a and b test have another label in each: McNemar's test leaves them out",
    ]


def test_what_one_run_learnt_and_the_other_tests_is_a_warning(tmp_path):
    photographs = judged(drawn(0, 0.7, 10))
    swapped = [one._replace(split="train") for one in photographs[:4]] + photographs[4:]
    facts = compare([write(tmp_path / "a", photographs), write(tmp_path / "b", swapped)])
    assert facts["warnings"] == [
        "the test part of b is not that of a: 6 and 10 photographs, 6 in both",
        "b trained on 4 of the 10 photographs that a tests: compare them only on photographs that both test",
    ]
    assert facts["against_first"][0]["shared"] == 6


def test_another_validation_part_is_a_warning(tmp_path):
    tests = judged([True, False])
    a = write(tmp_path / "a", [*tests, Photograph("x", "rose", "validation"), Photograph("y", "rose", "train")])
    b = write(tmp_path / "b", [*tests, Photograph("y", "rose", "validation"), Photograph("x", "rose", "train")])
    assert compare([a, b])["warnings"] == ["the validation part of b is not that of a: 1 and 1 photographs, 0 in both"]


def test_runs_without_a_test_part_have_figures_of_validation(tmp_path):
    facts = compare([write(tmp_path / name, TRAINED + VALIDATED) for name in "ab"])
    (one,) = facts["against_first"]
    assert one["p"] is None and one["p_holm"] is None
    assert one["words"] == "b: no test photograph in common with a, so no test of the difference is possible."
    for row in facts["runs"]:
        assert row["val_accuracy"] == 0.75 and row["val_examples"] == 1
        assert row["test_accuracy"] is row["test_interval"] is row["test_calibrated_ece"] is None
    assert facts["per_class"]["rose"]["recall"] == [None, None] and facts["warnings"] == []


def test_a_folder_gives_its_finished_runs(tmp_path):
    for name in ("s/one", "s/two", "s/three"):
        write(tmp_path / name, judged([True]))
    RunDirectory(tmp_path / "s" / "two").forget_summary()
    (tmp_path / "s" / "three" / "config.json").write_text("{}")
    other = write(tmp_path / "other", judged([True]))
    facts = compare([tmp_path / "s", other])
    assert [run["name"] for run in facts["runs"]] == ["s/one", "other"]
    assert f"{tmp_path / 's' / 'two'} is left out: the run is not finished" in facts["warnings"]
    assert any("three is left out" in one and "config.json: damaged" in one for one in facts["warnings"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a"], r"^a: 1 finished run; give two or more, or a folder of runs$"),
        (["a", "open"], r"^open: the run is not finished; train.py with its --workdir goes on$"),
        (["a", "b", "./a"], r"^a: the same run is given twice; give each once$"),
        (["a", "link"], r"^a: the same run is given twice; give each once$"),
        (["a", "none"], r"^none: no such folder$"),
        (["a", "empty"], r"^empty: no run directory, and none below it \(no model.json\); train.py prints where it"),
        (["a", "damaged"], r"^damaged: .*damaged/summary.json: damaged"),
        (["a", "unsealed"], r"^unsealed: .*unsealed: its manifest.json is missing"),
    ],
)
def test_what_cannot_be_compared_is_one_line(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "open", "damaged", "unsealed"):
        write(tmp_path / name, judged([True]))
    RunDirectory("open").forget_summary()
    (tmp_path / "damaged" / "summary.json").write_text("{")
    (tmp_path / "unsealed" / "manifest.json").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(UsageError, match=message) as error:
        compare(given)
    assert "\n" not in str(error.value)
