"""ConvNorm against Flax's own convolution and BatchNorm, and every model along every path of the convolution."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import models, ops
from flowers_jax.models.layers import ConvNorm, relu6

EPSILON, MOMENTUM = 1e-3, 0.9


class Flax(nn.Module):
    """The oracle of a depthwise ConvNorm."""

    channels: int

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(self.channels, (3, 3), 2, feature_group_count=x.shape[3], use_bias=False)(x)
        return nn.relu6(nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON)(x))


@pytest.fixture
def both():
    """The two modules, their variables (the statistics no trivial ones), and images."""
    x = jax.random.normal(jax.random.key(0), (4, 9, 8, 6))
    rng = np.random.default_rng(0)
    kernel, scale, bias, mean = (rng.normal(size=s).astype("f") for s in [(3, 3, 1, 6), 6, 6, 6])
    var = rng.uniform(0.5, 2, 6).astype("f")
    ours = {"params": {"kernel": kernel, "scale": scale, "bias": bias}, "batch_stats": {"mean": mean, "var": var}}
    flax = {
        "params": {"Conv_0": {"kernel": kernel}, "BatchNorm_0": {"scale": scale, "bias": bias}},
        "batch_stats": {"BatchNorm_0": {"mean": mean, "var": var}},
    }
    module = ConvNorm(6, 3, 2, groups=None, activation=relu6, epsilon=EPSILON, momentum=MOMENTUM)
    return (module, ours), (Flax(6), flax), x


def test_stored_statistics_folded_into_the_kernel(both):
    (module, ours), (oracle, flax), x = both
    given, expected = (jax.jit(m.apply, static_argnums=2)(v, x, False) for m, v in ((module, ours), (oracle, flax)))
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_batch_statistics_and_every_gradient(both):
    (module, ours), (oracle, flax), x = both

    def loss(params, x, module, variables):
        y, updated = module.apply(variables | {"params": params}, x, True, mutable=["batch_stats"])
        return (jnp.sin(y) * jnp.arange(y.size).reshape(y.shape) / y.size).sum(), updated["batch_stats"]

    grad = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True), static_argnums=2)
    (given, given_x), stats = grad(ours["params"], x, module, ours)
    (expected, expected_x), expected_stats = grad(flax["params"], x, oracle, flax)
    assert jax.tree.map(jnp.shape, given) == jax.tree.map(jnp.shape, ours["params"])
    flat = expected["Conv_0"] | expected["BatchNorm_0"]
    for a, b in [
        (given_x, expected_x),
        *((given[n], flat[n]) for n in flat),
        *((stats[n], expected_stats["BatchNorm_0"][n]) for n in stats),
    ]:
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("train", [True, False], ids=["batch statistics", "stored statistics"])
@pytest.mark.parametrize("mean", [2.0, 5.0, 20.0])
def test_batch_norm_is_float32_in_bfloat16(mean, train):
    """Activations of that many standard deviations from 0, where Flax rounds only what comes in and goes out."""
    std = 0.37
    x = (std * (mean + jax.random.normal(jax.random.key(0), (8, 14, 14, 16)))).astype(jnp.bfloat16)
    kernel, ones, zeros = jnp.eye(16)[None, None], jnp.ones(16), jnp.zeros(16)
    ours = {"params": {"kernel": kernel, "scale": ones, "bias": zeros},
            "batch_stats": {"mean": jnp.full(16, std * mean), "var": ones * std**2}}  # fmt: skip
    flax = {"params": {"scale": ones, "bias": zeros}, "batch_stats": ours["batch_stats"]}

    @jax.jit
    def all_three(x):
        exact, rounded = (nn.BatchNorm(not train, epsilon=1e-5, dtype=dtype) for dtype in ("float32", "bfloat16"))
        expected, _ = exact.apply(flax, x.astype("float32"), mutable="batch_stats")
        oracle, _ = rounded.apply(flax, x, mutable="batch_stats")
        given, _ = ConvNorm(16, dtype=jnp.bfloat16).apply(ours, x, train, mutable="batch_stats")
        return expected, oracle, given

    expected, oracle, given = all_three(x)
    assert given.dtype == jnp.bfloat16
    errors = [float(jnp.sqrt(((y.astype("float32") - expected) ** 2).mean())) for y in (given, oracle)]
    assert errors[0] <= 1.1 * errors[1]
    assert errors[0] < 0.002


def test_relu6_is_flaxs():
    x = jnp.array([-1.0, 0.0, 2.0, 6.0, 7.0]).reshape(1, 1, 1, 5)
    assert np.array_equal(relu6(x), nn.relu6(x))
    assert np.array_equal(jax.grad(lambda x: relu6(x).sum())(x).ravel(), [0, 0, 1, 0, 0])


@pytest.mark.parametrize("name", ["seed_cnn", pytest.param("cnn", marks=pytest.mark.slow)])
def test_a_model_gives_the_same_along_every_path(name):
    same_along_every_path(name)


def test_mobilenet_gives_the_same_along_every_path(mobilenet):
    del mobilenet
    same_along_every_path("mobilenet_v2")


def same_along_every_path(name):
    x = jax.random.normal(jax.random.key(0), (2, 33, 32, 3))
    variables = jax.jit(models.create(name, 5).init)(jax.random.key(1), x)
    variables["params"]["head"]["kernel"] = jax.random.normal(
        jax.random.key(2), variables["params"]["head"]["kernel"].shape
    )
    logits = {path: jax.jit(models.create(name, 5, convolution=path).apply)(variables, x) for path in ops.PATHS}
    for path, given in logits.items():
        np.testing.assert_allclose(given, logits["reference"], rtol=1e-4, atol=1e-4, err_msg=path)
