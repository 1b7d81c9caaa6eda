"""The command that repeats a run names its config and no other."""

import shlex

import pytest

from flowers_jax import config as config_lib
from flowers_jax.report.command import repeat
from tests.conftest import smoke_config

CHANGES = [
    ("mobilenet", {}),
    ("mobilenet_frozen", {"epochs": 3, "data.dir": "a folder with 'quotes'", "augment.crop_scale": (0.5, 1.0)}),
    ("seed_cnn", {"data.name": "procedural", "optimizer.name": "sgd", "loss.name": "focal", "metrics": ("macro_f1",)}),
]


@pytest.mark.parametrize(("name", "changes"), CHANGES, ids=[name for name, _ in CHANGES])
def test_it_gives_the_same_config(name, changes):
    config = config_lib.load(name, changes)
    words = shlex.split(" ".join(repeat(config)))
    assert words[:3] == ["flowers-jax", "train", f"--config={name}"]
    flags = [flag.removeprefix("--config.").split("=", 1) for flag in words[3:]]
    assert {key for key, _ in flags} == changes.keys()
    assert config_lib.load(words[2].removeprefix("--config="), [(key, value) for key, value in flags]) == config


def test_objects_of_python_and_keys_of_ones_own_have_none():
    config = smoke_config()
    config.loss.name = "given"
    with pytest.raises(ValueError, match="objects of Python"):
        repeat(config_lib.validate(config))
    config = smoke_config()
    config.user.width = 3
    with pytest.raises(ValueError, match=r"keys of its own config file \(user\.width\)"):
        repeat(config_lib.validate(config))
