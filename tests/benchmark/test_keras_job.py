"""The frozen job in Keras: on the photographs of a run of ours, with the weights that it is given."""

import json
import shutil
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import keras_job
from flowers_jax.models import mobilenet_v2
from flowers_jax.models.mobilenet_v2.tensor_names import KERAS, export_variables
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit


@pytest.mark.slow
def test_it_trains_a_head_on_the_given_backbone(smoke, folder, tmp_path, monkeypatch, capsys):
    smoke.data.name, smoke.data.dir, smoke.data.image_size, smoke.epochs = "auto", str(folder), 32, 1
    first = next(folder.glob("*/0.png"))
    shutil.copy(first, first.with_name("copy.png"))  # two files of one content, which the run keeps in one part
    fit(smoke, tmp_path / "run")
    loaded = mobilenet_v2.load("none", num_classes=3, convention="keras")
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: leaf + rng.uniform(0, 0.1, leaf.shape).astype(np.float32), loaded.variables)
    np.savez(tmp_path / "weights.npz", **export_variables(variables, KERAS))
    images = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    backbone = keras_job.frozen(str(tmp_path / "weights.npz"), 32, 3).layers[0]
    ours = loaded.module.apply(variables, jnp.asarray(images), output="features")
    np.testing.assert_allclose(backbone(images), ours, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(keras_job, "EPOCHS", 1)
    capsys.readouterr()
    keras_job.main([str(tmp_path / "run"), str(folder), str(tmp_path / "weights.npz")])
    printed = capsys.readouterr().out
    counts = {"train": 49, "validation": 6, "test": 6}
    assert Counter(row["split"] for row in RunDirectory.existing(tmp_path / "run").read_splits().values()) == counts
    assert [f"Found {n} images belonging to 3 classes." in printed for n in counts.values()] == [True] * 3
    assert 0 <= json.loads(printed.splitlines()[-1])["accuracy"] <= 1
