"""Which parameters decay, at what rate each layer trains, what a phase makes of both."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.models.groups import frozen_paths
from flowers_jax.models.mobilenet_v2 import SPEC
from flowers_jax.models.mobilenet_v2.layout import GROUPS
from flowers_jax.optimizers import find, make_optimizer
from flowers_jax.training.phases import make_phases, rate_of

PARAMS = {
    "backbone": {"stem": {"kernel": jnp.ones(2), "scale": jnp.ones(2), "bias": jnp.ones(2)}},
    "head": {"kernel": jnp.ones(2), "bias": jnp.ones(2)},
}


def test_adamw_is_optaxs_with_kernels_alone_decaying():
    ours = make_optimizer(find("adamw"), 0.1, weight_decay=0.05)
    kernels = jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key == "kernel", PARAMS)
    reference = optax.adamw(0.1, weight_decay=0.05, mask=kernels)
    params, expected = PARAMS, PARAMS
    state, expected_state = ours.init(params), reference.init(expected)
    rng = np.random.default_rng(0)
    for _ in range(5):
        gradients = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), PARAMS)
        updates, state = ours.update(gradients, state, params)
        params = optax.apply_updates(params, updates)
        updates, expected_state = reference.update(gradients, expected_state, expected)
        expected = optax.apply_updates(expected, updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), params, expected)
    zero = jax.tree.map(jnp.zeros_like, PARAMS)
    updates, _ = ours.update(zero, ours.init(PARAMS), PARAMS)
    np.testing.assert_allclose(updates["head"]["kernel"], -0.1 * 0.05, rtol=1e-6)
    assert not updates["head"]["bias"].any() and not updates["backbone"]["stem"]["scale"].any()


def test_each_layer_has_the_decay_of_those_above_it():
    """Nineteen layers: the stem, seventeen blocks, the last."""
    assert rate_of("head/kernel", GROUPS, 10.0, 0.5) == 10.0
    assert rate_of("backbone/last/kernel", GROUPS, 10.0, 0.5) == 0.5
    assert rate_of("backbone/block_16/expand/kernel", GROUPS, 10.0, 0.5) == 0.25
    assert rate_of("backbone/stem/kernel", GROUPS, 10.0, 0.5) == pytest.approx(0.5**19)


def test_phases_of_two_stages():
    two = {"epochs": 4, "learning_rate": 1e-3, "model.freeze": "stage_2", "optimizer.head_multiplier": 10.0,
           "transfer.epochs": 3, "transfer.views": 2}  # fmt: skip
    config = config_lib.replace(Config(), two)
    head, finetune = make_phases(config, SPEC, SPEC.module(5), 224, 10)
    assert (head.name, head.epochs, head.learning_rate, head.on_features) == ("head", 3, 3e-3, True)
    assert (finetune.name, finetune.epochs, finetune.learning_rate, finetune.on_features) == (
        "finetune", 4, 1e-3, False,
    )  # fmt: skip
    assert (
        head.frozen == frozen_paths(GROUPS, "backbone")
        and "backbone/last" in head.frozen
        and "backbone/block_2" in finetune.frozen
    )
    assert "backbone/block_3" not in finetune.frozen
    assert (head.rate(0), finetune.rate(0)) == (1.0, 10.0)
    config = config_lib.replace(config, {"model.freeze": "backbone"})
    (only,) = make_phases(config, SPEC, SPEC.module(5), 224, 10)
    assert (only.name, only.epochs, only.learning_rate, only.on_features) == ("head", 4, 1e-3, True)
    config = config_lib.replace(config, {"model.weights": "none", "model.freeze": "none", "transfer.epochs": 0})
    assert [phase.name for phase in make_phases(config, SPEC, SPEC.module(5), 224, 10)] == ["train"]
