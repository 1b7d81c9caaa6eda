"""ImageNet's own classifier recognises the photographs that it should."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import models
from flowers_jax.data.decode import decode_for
from tests.conftest import SHARED

WEIGHTS, DAISIES = SHARED / "weights" / "mobilenet_v2-b0353104.safetensors", SHARED / "flower_photos" / "daisy"
DAISY = 985


@pytest.mark.skipif(not (WEIGHTS.is_file() and DAISIES.is_dir()), reason="data and weights are not beside the project")
@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_daisies_are_daisies(every):
    daisies_are_daisies(models.load("mobilenet_v2", str(WEIGHTS)), every)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.skipif(not DAISIES.is_dir(), reason="data are not beside the project")
@pytest.mark.parametrize("version", [0, 1, 2])
def test_daisies_are_daisies_to_efficientnet_lite(version):
    daisies_are_daisies(models.load("efficientnet_lite", version=version), 1)


def daisies_are_daisies(loaded, every):
    module, variables, preprocessing = loaded
    predict = jax.jit(lambda images: module.apply(variables, preprocessing.normalize(images)).argmax(-1))
    files = sorted(DAISIES.iterdir())[::every]
    found = []
    for first in range(0, len(files), 16):
        photographs = [decode_for(file.read_bytes(), preprocessing) for file in files[first : first + 16]]
        blank = [np.zeros_like(photographs[0])] * (16 - len(photographs))
        found += np.asarray(predict(jnp.asarray(photographs + blank))).tolist()[: len(photographs)]
    share = found.count(DAISY) / len(files)
    print(f"{share:.1%} of {len(files)} daisies")
    assert len(found) == len(files) >= 70 and share >= 0.8
