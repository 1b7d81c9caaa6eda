"""The names that other tools, tests and people rely on stay importable, wherever the code moves."""

import importlib

import pytest

NAMES = [
    "ops:conv2d", "ops:conv2d_input_grad", "ops:conv2d_kernel_grad", "models:create", "models.mobilenet_v2:load",
    "models.mobilenet_v2:Pretrained", "training.step:train_step", "training.step:eval_step", "training.loop:fit",
    "training.monitor:ReduceLROnPlateau", "training.monitor:EarlyStopping", "data.augment:apply_affine",
    "base_config:get_config", "config:load",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_is_importable(name):
    module, _, attribute = name.partition(":")
    assert callable(getattr(importlib.import_module(f"flowers_jax.{module}"), attribute))
