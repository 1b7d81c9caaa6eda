"""What is compared, and when it fails: on formats that exist for the test alone."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from flowers_jax.errors import ReportWarning, TrainingError, UsageError
from flowers_jax.export import EXPORTERS, Artifact, Exporter, folder, registry
from flowers_jax.export.check import agreement, check, in_batches

IMAGES = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
WANTED = np.array([[0.75, 0.25], [0.25, 0.75]])[np.arange(40) % 2]


def table(probabilities: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A model of `IMAGES` that knows the answer to each by its first pixel."""
    return lambda images: probabilities[images[:, 0, 0, 0]]


def mine(probabilities: np.ndarray, **rules: float) -> Exporter:
    return Exporter("mine", ".mine", lambda *_: None, lambda _: Artifact({}, table(probabilities)), **rules)


def test_the_numbers_of_an_agreement():
    given = WANTED.copy()
    given[3] = [0.5625, 0.4375]
    assert agreement(table(given), IMAGES, WANTED) == (0.3125, 39 / 40)
    np.testing.assert_array_equal(in_batches(table(given), IMAGES, 7), given)


@pytest.mark.parametrize("error", [2e-4, -2e-4, np.nan])
def test_a_file_that_differs_fails(tmp_path, error):
    given = WANTED.copy()
    given[39, 1] += error
    with pytest.raises(
        TrainingError, match=r"^--format=mine: on 40 photographs .*; at most 1e-04 is accepted, so noth"
    ):
        check(mine(given), tmp_path, IMAGES, WANTED)
    given[39, 1] = WANTED[39, 1] + 5e-5
    assert check(mine(given), tmp_path, IMAGES, WANTED).largest_difference == pytest.approx(5e-5)


def test_a_format_that_rounds_is_held_to_its_classes(tmp_path):
    given = WANTED.copy()
    given[:10] = given[:10, ::-1]
    rules = {"tolerance": np.inf, "least_agreement": 0.8, "wanted_agreement": 0.96}
    with pytest.raises(TrainingError, match=re.escape("names its class for 75.0%; at least 80% is required")):
        check(mine(given, **rules), tmp_path, IMAGES, WANTED)
    given[:6] = WANTED[:6]
    with pytest.warns(ReportWarning, match=re.escape("names its class for 90.0%; 96% is wanted")):
        assert check(mine(given, **rules), tmp_path, IMAGES, WANTED).top1_agreement == 0.9


def test_a_request_that_cannot_be_met_is_refused_before_work(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORTERS, "mine", replace(mine(WANTED), packages=("no_such_package", "json")))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for formats, out, count, words in (
        (["onx"], "new", 1, "--format=onx: must be one of "),
        (["mine"], "new", 1, "--format=mine: needs no-such-package, not installed: pip install no-such-package"),
        (["stablehlo", "stablehlo"], "new", 1, "--format=stablehlo,stablehlo: stablehlo is there twice"),
        (["stablehlo"], "new", 0, "--count=0: must be at least 1"),
        (["stablehlo"], "full", 1, f"--out={tmp_path / 'full'}: exists already and is not an empty folder"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(words)}"):
            folder.check_request(formats, tmp_path / out, count)
    assert not (tmp_path / "new").exists()


def test_a_file_is_read_by_the_longest_suffix_that_fits(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPORTERS, "long", replace(mine(WANTED), name="long", suffix="-8.stablehlo"))
    for name, format_name in (("a.stablehlo", "stablehlo"), ("a-8.stablehlo", "long")):
        (tmp_path / name).touch()
        assert registry.of_file(tmp_path / name).name == format_name
    (tmp_path / "a.txt").touch()
    with pytest.raises(UsageError, match=r"a\.txt: its name must end in one of .*\.stablehlo"):
        registry.of_file(tmp_path / "a.txt")
    with pytest.raises(UsageError, match=r"b\.stablehlo: no such file"):
        registry.of_file(tmp_path / "b.stablehlo")


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path):
    (tmp_path / "m" / "inner").mkdir(parents=True)
    (tmp_path / "m" / "inner" / "a").write_bytes(b"123")
    (tmp_path / "m" / "b").write_text(json.dumps(12))
    assert folder.size_of(tmp_path / "m") == 5 and folder.size_of(tmp_path / "m" / "b") == 2
