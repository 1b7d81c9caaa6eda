"""A trained model out of its run directory."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import config as config_lib
from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import prepare
from tests.conftest import smoke_config


@pytest.fixture(scope="module")
def bfloat16_run(tmp_path_factory):
    run, config = tmp_path_factory.mktemp("bfloat16") / "run", smoke_config()
    config.epochs, config.precision = 1, "bfloat16"
    fit(config, run)
    return run, config


def test_precision_is_chosen_where_the_model_runs(bfloat16_run):
    run, _ = bfloat16_run
    assert json.loads((run / "model.json").read_text())["fields"]["dtype"] == "bfloat16"
    images = np.random.default_rng(0).integers(0, 256, (16, 28, 28, 3), np.uint8)
    logits = {}
    for wanted, got in (("auto", "float32"), ("float32", "float32"), ("bfloat16", "bfloat16")):
        model = trained_model.load(str(run), wanted)
        assert model.precision == got
        logits[wanted] = np.asarray(model.logits(images))
    np.testing.assert_array_equal(logits["auto"], logits["float32"])
    assert not np.array_equal(logits["auto"], logits["bfloat16"])
    np.testing.assert_allclose(logits["auto"], logits["bfloat16"], atol=0.1)
    with pytest.raises(UsageError, match=r"^--precision=half: must be one of auto, float32, bfloat16$"):
        trained_model.load(str(run), "half")


def test_a_run_that_goes_on_keeps_its_own(bfloat16_run):
    run, config = bfloat16_run
    assert prepare(config_lib.validate(config), RunDirectory(run), begun=True).module.dtype == jnp.bfloat16


def test_another_model_has_not_the_temperature_of_the_one_that_is_lost(smoke, tmp_path):
    run = tmp_path / "run"
    smoke.checkpoint.keep = 9
    summary = fit(smoke, run)
    RunDirectory(run).write_summary(summary | {"temperature": 0.5})
    assert trained_model.load(str(run)).temperature == 0.5
    kept = summary["model_epoch"]
    (run / "checkpoints" / str(kept) / "manifest.json").unlink()
    with pytest.warns(DamageWarning, match=f"checkpoints/{kept} is skipped"):
        assert trained_model.load(str(run)).temperature == 1
