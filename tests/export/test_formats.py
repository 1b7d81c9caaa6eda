"""Every format says what the model says, and refuses what it did not write."""

import shutil

import numpy as np
import pytest

from flowers_jax.errors import UsageError
from flowers_jax.export import EXPORTERS
from flowers_jax.export.check import agreement, expected
from flowers_jax.export.description import parameters_sha256
from flowers_jax.export.photographs import for_check
from flowers_jax.run.model_json import preprocessing_of

pytestmark = pytest.mark.wings
ROUNDED = {"tflite-f16": (0.05, 0.9), "tflite-int8": (1.0, 0.6)}
"""The largest difference and the least agreement where the format rounds the weights. The logits of the random heads of
these models are ten times those of trained ones, and so are their differences."""


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.network if name == "page" else ()) for name in EXPORTERS])
def exporter(request):
    """Each of them; npm brings the runtime of the page."""
    exporter = EXPORTERS[request.param]
    for package in exporter.packages:
        pytest.importorskip(package)
    return exporter


def test_it_gives_the_models_probabilities(exported, exporter, tmp_path):
    """For one photograph, for three and for the whole test part."""
    model = exported.model
    images, source = for_check(exported, 200)
    assert source == "photographs of the run's test part" and len(images) == 15
    wanted = expected(model, images)
    assert np.ptp(wanted, 0).max() > 0.05 and len(set(wanted.argmax(-1))) > 1
    path = tmp_path / f"model{exporter.suffix}"
    exporter.write(exported, path)
    artifact = exporter.read(path)
    found = agreement(artifact.predict, images, wanted)
    difference, same = ROUNDED.get(exporter.name, (exporter.tolerance, 1))
    assert found.largest_difference <= difference and found.top1_agreement >= same
    for count in (1, 3):
        few = artifact.predict(images[:count])
        assert few.shape == wanted[:count].shape
        np.testing.assert_allclose(few, wanted[:count], rtol=0, atol=difference)
    said = artifact.description
    assert tuple(said["classes"]) == model.classes
    assert preprocessing_of(said) == model.preprocessing
    assert said["parameters_sha256"] == parameters_sha256(model.variables)
    assert said["licence"].startswith("No pretrained weights")


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_what_it_did_not_write_is_refused(small, exporter, tmp_path, damage):
    path = tmp_path / f"model{exporter.suffix}"
    exporter.write(small, path)
    file = next(path.glob("*.pb"), path / "model.onnx") if path.is_dir() else path
    whole = file.read_bytes()
    file.write_bytes({"empty": b"", "text": b"no model", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(UsageError, match=rf"model{exporter.suffix}(/model\.onnx)?: not a"):
        exporter.read(path)


def test_a_description_that_is_missing_is_refused(small, tmp_path):
    EXPORTERS["stablehlo"].write(small, tmp_path / "model.stablehlo")
    (tmp_path / "model.stablehlo.json").unlink()
    with pytest.raises(UsageError, match=r"not a StableHLO file of export\.py"):
        EXPORTERS["stablehlo"].read(tmp_path / "model.stablehlo")
    EXPORTERS["saved_model"].write(small, tmp_path / "model.saved_model")
    shutil.rmtree(tmp_path / "model.saved_model" / "assets.extra")
    with pytest.raises(UsageError, match=r"not a SavedModel of export\.py"):
        EXPORTERS["saved_model"].read(tmp_path / "model.saved_model")
