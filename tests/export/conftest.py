"""Small trained models, as the formats get them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.export import Exported
from flowers_jax.export.photographs import for_check
from flowers_jax.training.loop import fit
from tests import mobilenets
from tests.conftest import drawn_flowers, smoke_config

MODELS: dict[str, dict[str, Any]] = {
    "seed_cnn": {"data.image_size": 28, "evaluation.flip": True},
    "cnn": {"data.image_size": 64},
    "mobilenet_v2": {"data.image_size": 32, "model.options.alpha": 0.35, "evaluation.flip": True},
}
"""Their changes of the smoke config."""


def train(name: str, base: Path) -> Exported:
    """A model after two epochs on drawn flowers."""
    config = smoke_config()
    config.epochs, config.model.name, config.data.name = 2, name, "auto"
    config.data.dir, config.data.split = str(drawn_flowers(base / "flowers")), (0.5, 0.25, 0.25)
    config.update_from_flattened_dict(MODELS[name])
    fit(config, base / "run")
    return Exported(lively(trained_model.load(base / "run", "float32")))


def lively(model: TrainedModel) -> TrainedModel:
    """The model, changed so that photographs differ: after two epochs a deep network gives all the same answer.

    The stored statistics become those of photographs, as after a long training, and the head is drawn anew.
    """
    images = model.preprocessing.normalize(for_check(Exported(model), 200).images)
    params = dict(jax.device_get(model.variables["params"]))
    drawn = np.random.default_rng(0).normal(0, 0.3, params["head"]["kernel"].shape).astype(np.float32)
    params["head"] = params["head"] | {"kernel": drawn}
    variables = {"params": params, "batch_stats": jax.device_get(model.variables["batch_stats"])}

    @jax.jit
    def train(variables: dict[str, Any]) -> dict[str, Any]:
        changed = model.module.apply(variables, images, train=True, mutable=["batch_stats"])[1]
        return variables | changed

    for _ in range(60):
        variables = train(variables)
    return replace(model, variables=jax.device_get(variables), temperature=1.7)


@pytest.fixture(scope="module", params=MODELS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """Each of `MODELS`; MobileNetV2 has eight of its blocks."""
    with mobilenets.of_blocks(mobilenets.FEW):
        yield train(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The smallest of them, as its run has it."""
    exported = train("seed_cnn", tmp_path_factory.mktemp("small"))
    return Exported(trained_model.load(exported.model.run.path, "float32"))
