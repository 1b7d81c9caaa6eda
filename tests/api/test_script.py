"""The script of docs/api.md runs, and does what its comments say."""

import json
import re
import runpy

import numpy as np
import pytest

from tests.conftest import ROOT

(SCRIPT,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the script has at its end, and where it ran."""
    where = tmp_path_factory.mktemp("script")
    (where / "script.py").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        yield where, runpy.run_path("script.py")


def test_it_is_short_and_uses_no_private_name():
    assert len(SCRIPT.splitlines()) < 60
    assert re.findall(r"\b_[a-z]\w*|\._\w+", SCRIPT) == []
    assert set(re.findall(r"^(?:import|from) (\w+)", SCRIPT, re.MULTILINE)) == {"numpy", "flowers_jax"}


def test_it_trains_as_it_says(names):
    where, script = names
    config = json.loads((where / "runs" / "colours" / "config.json").read_text())
    assert config["optimizer.name"] == "sgd" and config["loss.name"] == "focal" and config["data.name"] == "arrays"
    summary, curve = script["summary"], script["curve"]
    assert summary["stopped_reason"] == "macro-F1 of 1.0" and curve[-1] == 1.0 and len(curve) == summary["epochs"]
    assert summary["best_epoch"] == curve.argmax() + 1 == len(curve)
    assert summary["test_accuracy"] == 1.0 == summary["test_metrics"]["macro_f1"]


def test_the_arrays_that_come_out(names):
    _, script = names
    labels, matrix, features = script["labels"], script["matrix"], script["features"]
    assert script["run"].classes == ("red", "green", "blue")
    assert script["probabilities"].dtype == np.float64 and script["probabilities"].shape == (5, 3)
    np.testing.assert_array_equal(script["probabilities"].argmax(-1), labels[:5])
    assert matrix.dtype == np.int64 and matrix.shape == (3, 3)
    assert matrix.sum() == script["summary"]["test_examples"] == np.trace(matrix)
    assert features.dtype == np.float32 and features.ndim == 2 and len(features) == 120
    assert script["report"]["metrics"]["macro_f1"] == script["curve"][-1]
    assert script["found"]["test_accuracy"] == 1.0 and script["found"]["finished"]
