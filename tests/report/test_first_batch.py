"""The picture of the training batch shows what `train_step` computes in the first step."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import config as config_lib
from flowers_jax.augment import stored
from flowers_jax.data.loader import epoch_order
from flowers_jax.report import first_batch
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import parallel
from flowers_jax.training.photographs import split_arrays
from flowers_jax.training.setup import prepare
from flowers_jax.training.step import model_inputs


@pytest.mark.parametrize(("most", "batch_size"), [(5, 16), (16, 8)])
def test_it_is_that_of_the_first_step(smoke, tmp_path, monkeypatch, most, batch_size):
    monkeypatch.setattr(first_batch, "MOST", most)
    smoke.seed, smoke.batch_size, smoke.devices = 3, batch_size, 2
    smoke.augment.horizontal_flip, smoke.augment.crop_scale, smoke.augment.mixup = True, (0.5, 1.0), 0.4
    config = config_lib.validate(smoke)
    job = prepare(config, RunDirectory(tmp_path / "run"), False)
    found = first_batch.first_batch(config, job)

    part = split_arrays(config, job.dataset, "train", stored(job.preprocessing, job.augment))
    rows = epoch_order(len(part.labels), config.seed, 0)[:batch_size]
    batch = {"image": part.images[rows], "label": part.labels[rows], "mask": np.ones(batch_size, bool)}
    step = partial(
        model_inputs, num_classes=3, preprocessing=job.preprocessing, augment=job.augment, seed=config.seed,
        examples=jnp.int32(batch_size),
    )  # fmt: skip
    inputs = parallel.map_predict(lambda step_number, batch: step(batch, step_number), job.devices)
    expected = jax.device_get(inputs(jnp.int32(0), parallel.shard(batch, job.devices)))
    shown = min(most, batch_size)
    images = expected.images.reshape(batch_size, 28, 28, 3)[:shown]
    mean, std = (np.float32(value) for value in (job.preprocessing.mean, job.preprocessing.std))
    np.testing.assert_allclose(found.images, np.clip(255 * (images * std + mean), 0, 255), atol=0.51)
    np.testing.assert_allclose(found.targets, expected.targets.reshape(batch_size, 3)[:shown], atol=1e-6)
    assert found.augmented and found.epoch == 1 and (found.targets > 0).sum(1).max() == 2
