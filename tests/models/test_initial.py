"""Initial variables are the module's own, or a file's."""

import jax
import jax.numpy as jnp
import numpy as np

from flowers_jax import models
from flowers_jax.models.initial import initial_variables
from flowers_jax.models.mobilenet_v2.tensor_names import KERAS, export_variables
from flowers_jax.models.mobilenet_v2.weights import IMPORTER
from flowers_jax.models.weights import pretrained

KEY = jax.random.key(3)


def test_they_are_the_modules_own():
    module = models.create("seed_cnn", 5)
    ours = initial_variables(module, 28, KEY)
    assert ours["batch_stats"] == {}
    expected = module.init(KEY, jnp.zeros((1, 28, 28, 3)))["params"]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), ours["params"], expected)
    assert isinstance(ours["params"]["head"]["kernel"], np.ndarray)


def test_with_weights_the_rest_is_the_same(mobilenet, tmp_path):
    del mobilenet
    module = models.create("mobilenet_v2", 5, alpha=0.35, head="flatten256")
    drawn = initial_variables(module, 32, KEY)
    given = jax.tree.map(lambda leaf: np.full_like(leaf, 0.5), drawn)
    np.savez(tmp_path / "weights.npz", **export_variables(given, KERAS))
    filled = initial_variables(
        module, 32, KEY, pretrained.open_weights(IMPORTER, str(tmp_path / "weights.npz"), {"alpha": 0.35})
    )
    assert jax.tree.structure(filled) == jax.tree.structure(drawn)
    assert all((leaf == 0.5).all() for tree in filled.values() for leaf in jax.tree.leaves(tree["backbone"]))
    np.testing.assert_array_equal(filled["params"]["head_hidden"]["kernel"], drawn["params"]["head_hidden"]["kernel"])
    assert filled["params"]["head_hidden"]["kernel"].any()


def test_they_do_not_need_a_cpu(monkeypatch):
    """JAX_PLATFORMS may name a GPU alone."""

    def unknown(backend=None):
        raise RuntimeError(f"Unknown backend {backend}")

    module = models.create("seed_cnn", 5)
    expected = initial_variables(module, 28, KEY)
    monkeypatch.setattr(jax, "local_devices", unknown)
    jax.tree.map(np.testing.assert_array_equal, initial_variables(module, 28, KEY), expected)
