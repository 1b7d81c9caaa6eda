"""What single updates are: Muon's orthogonal, those of a bare transformation multiplied by the host."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax.optimizers import find, given, make_optimizer, with_learning_rate

PARAMS = {"layer": {"kernel": jnp.ones((3, 3, 8, 16)), "scale": jnp.ones(16)}, "head": {"kernel": jnp.ones((16, 4))}}


def gradients(seed: int = 0):
    """Nearly of rank one: the largest singular value is far above the others."""
    rng = np.random.default_rng(seed)

    def of(leaf):
        matrix = np.outer(rng.normal(size=leaf.size // leaf.shape[-1]), rng.normal(size=leaf.shape[-1]))
        return jnp.asarray((matrix + 0.01 * rng.normal(size=matrix.shape)).reshape(leaf.shape), jnp.float32)

    return jax.tree.map(of, PARAMS)


def singular_values(kernel) -> np.ndarray:
    return np.linalg.svd(np.asarray(kernel).reshape(-1, kernel.shape[-1]), compute_uv=False)


@pytest.mark.parametrize("layer", ["layer", "head"])
def test_muon_makes_the_update_of_a_kernel_orthogonal(layer):
    """Five Newton-Schulz steps bring every singular value near 1; those of the gradient span a factor of 50."""
    optimizer = make_optimizer(find("muon"), 1.0)
    update, _ = optimizer.update(gradients(), optimizer.init(PARAMS), PARAMS)
    before, after = (singular_values(tree[layer]["kernel"]) for tree in (gradients(), update))
    assert before[0] > 50 * before[-1]
    assert after[0] < 1.3 and after[-1] > 0.3
    alone = optax.contrib.muon(1.0)  # which leaves kernels of four axes to Adam
    update, _ = alone.update(gradients(), alone.init(PARAMS), PARAMS)
    assert (singular_values(update[layer]["kernel"])[0] > 5) == (layer == "layer")


@pytest.mark.parametrize(
    "transformation",
    [optax.sgd(0.1), optax.adam(0.1), optax.inject_hyperparams(optax.sgd)(0.1)],
    ids=["sgd", "adam", "injected"],
)
def test_the_host_multiplies_the_updates_of_any_transformation(transformation):
    own, ours = (
        transformation,
        given(transformation, lambda step: 1.0 / (step + 1), lambda path: 3.0 if "head" in path else 1),
    )
    own_state, state = own.init(PARAMS), ours.init(PARAMS)
    for step in range(4):
        if step == 2:
            state = with_learning_rate(state, 0.2)
        expected, own_state = own.update(gradients(step), own_state, PARAMS)
        update, state = ours.update(gradients(step), state, PARAMS)
        factor = (0.2 if step >= 2 else 1.0) / (step + 1)
        np.testing.assert_allclose(update["layer"]["kernel"], factor * expected["layer"]["kernel"], rtol=1e-5)
        np.testing.assert_allclose(update["head"]["kernel"], 3 * factor * expected["head"]["kernel"], rtol=1e-5)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "lion", "lamb", "muon"])
def test_a_factor_of_the_update_is_one_of_the_rate(name):
    """So schedules and rates by layer are rates, decay of weights included."""
    part = find(name)
    decay = {"weight_decay": 0.1} if part.decays else {}
    plain, halved = (make_optimizer(part, 0.1, *factors, **decay) for factors in ((), (lambda step: jnp.float32(0.5),)))  # noqa: ARG005
    expected, _ = plain.update(gradients(), with_learning_rate(plain.init(PARAMS), 0.05), PARAMS)
    update, _ = halved.update(gradients(), halved.init(PARAMS), PARAMS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7), update, expected)


def test_gradients_are_clipped_together():
    clipped = make_optimizer(find("sgd"), 1.0, clip_norm=0.5, options={"momentum": 0.0})
    update, _ = clipped.update(gradients(), clipped.init(PARAMS), PARAMS)
    assert optax.tree.norm(update) == pytest.approx(0.5, rel=1e-5)


def test_sgd_decays_as_that_of_pytorch():
    """v = momentum * v + gradient + decay * w; w -= rate * v."""
    optimizer = make_optimizer(find("sgd"), 0.1, weight_decay=0.01)
    params, state, velocity = PARAMS, optimizer.init(PARAMS), 0.0
    expected = np.asarray(PARAMS["head"]["kernel"], np.float64)
    for step in range(5):
        update, state = optimizer.update(gradients(step), state, params)
        params = optax.apply_updates(params, update)
        velocity = 0.9 * velocity + np.asarray(gradients(step)["head"]["kernel"]) + 0.01 * expected
        expected = expected - 0.1 * velocity
    np.testing.assert_allclose(params["head"]["kernel"], expected, rtol=1e-5)
