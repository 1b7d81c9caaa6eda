"""Initial variables are the module's own, and zeros where a file will fill them."""

import jax
import jax.numpy as jnp
import numpy as np

from flowers_jax import models
from flowers_jax.models.initial import initial_variables

KEY = jax.random.key(3)


def test_they_are_the_modules_own():
    module = models.create("seed_cnn", 5)
    ours = initial_variables(module, 28, KEY)
    assert ours["batch_stats"] == {}
    expected = module.init(KEY, jnp.zeros((1, 28, 28, 3)))["params"]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), ours["params"], expected)
    assert isinstance(ours["params"]["head"]["kernel"], np.ndarray)


def test_without_a_backbone_the_rest_is_the_same():
    module = models.create("mobilenet_v2", 5, alpha=0.35, head="flatten256")
    whole, rest = (initial_variables(module, 32, KEY, backbone=backbone) for backbone in (True, False))
    assert jax.tree.structure(whole) == jax.tree.structure(rest)
    assert not any(leaf.any() for tree in rest.values() for leaf in jax.tree.leaves(tree["backbone"]))
    np.testing.assert_array_equal(rest["params"]["head_hidden"]["kernel"], whole["params"]["head_hidden"]["kernel"])
    assert rest["params"]["head_hidden"]["kernel"].any()
