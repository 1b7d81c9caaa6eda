"""Small trained models, as the formats get them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax import traverse_util

from flowers_jax.evaluation import trained_model
from flowers_jax.export import Exported
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
    model = trained_model.load(base / "run", "float32")
    return Exported(replace(model, variables=lively(model.variables), temperature=1.7))


def lively(variables: dict[str, Any]) -> dict[str, Any]:
    """The variables, changed so that photographs differ: after two epochs a deep network gives all the same answer."""
    rng = np.random.default_rng(0)

    def change(path: tuple[str, ...], leaf: Any) -> Any:
        if path[-1] == "var":  # with less two ways of a convolution, both right in float32, differ by more than 1e-4
            return leaf * 0.4
        return rng.normal(0, 1, leaf.shape).astype(np.float32) if path[-2:] == ("head", "kernel") else leaf

    return traverse_util.path_aware_map(change, variables)


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
