"""The step: by hand, blind to padding, and frozen where it should be."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import models
from flowers_jax.augment import Augment
from flowers_jax.models.initial import initial_variables
from flowers_jax.optimizers import find, make_optimizer, with_learning_rate
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training.checkpoint import initial_state
from flowers_jax.training.state import eval_variables
from flowers_jax.training.step import eval_step, named_key
from tests.training.steps import MIX, batch, run, start


class Linear(nn.Module):
    num_classes: int = 2

    @nn.compact
    def __call__(self, x, train=False):
        del train
        return nn.Dense(2, use_bias=False, kernel_init=nn.initializers.zeros, name="head")(x.mean((1, 2)))


def test_one_step_by_hand():
    """Zero weights: the loss is log 2, and the gradient of class 0's column is x times (1/2 - [label = 0])."""
    optimizer = optax.sgd(1.0)
    one = {
        "image": np.array([255, 0], np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8),
        "label": np.array([0, 1], np.int32),
        "mask": np.array([True, True]),
    }
    p = Preprocessing(4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    state, metrics = run(
        start(Linear(), optimizer, size=4), [one], 1, module=Linear(), optimizer=optimizer, preprocessing=p
    )
    assert metrics["loss"] == pytest.approx(2 * np.log(2)) and metrics["examples"] == 2 and metrics["correct"] == 1
    np.testing.assert_allclose(state.params["head"]["kernel"], [[0.25, -0.25]] * 3, rtol=1e-6)
    assert state.step == 1


def test_smoothed_labels_by_hand():
    """Zero weights, two classes, 0.2 spread: the targets are 0.9 and 0.1, so the gradient is x (1/2 - target)."""
    optimizer, p = optax.sgd(1.0), Preprocessing(4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    one = {"image": np.full((1, 4, 4, 3), 255, np.uint8), "label": np.zeros(1, np.int32), "mask": np.ones(1, bool)}
    state, _ = run(
        start(Linear(), optimizer, size=4), [one], 1, module=Linear(), optimizer=optimizer, preprocessing=p,
        label_smoothing=0.2,
    )  # fmt: skip
    np.testing.assert_allclose(state.params["head"]["kernel"], [[0.4, -0.4]] * 3, rtol=1e-6)


def test_the_moving_average_by_hand():
    """It keeps min(decay, (1 + step) / (10 + step)) of itself at each step."""
    optimizer, p = optax.sgd(1.0), Preprocessing(4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    options = {"module": Linear(), "optimizer": optimizer, "preprocessing": p, "ema": 0.15}
    state = start(Linear(), optimizer, size=4)
    state = state.replace(ema={"params": jax.tree.map(jnp.copy, state.params), "batch_stats": {}})
    average = np.zeros((3, 2))
    for step in range(3):
        state, _ = run(state, [batch(4, size=4, classes=2, seed=step)], 1, **options)
        kept = min(0.15, (1 + step) / (10 + step))
        average = kept * average + (1 - kept) * state.params["head"]["kernel"]
        np.testing.assert_allclose(state.ema["params"]["head"]["kernel"], average, rtol=1e-5)
    assert eval_variables(state, ())["params"]["head"]["kernel"] is state.ema["params"]["head"]["kernel"]


class Dropping(nn.Module):
    num_classes: int = 3

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(self.num_classes, name="head")(nn.Dropout(0.5, deterministic=not train)(x.mean((1, 2))))


def test_dropout_is_drawn_by_step_and_only_in_training():
    module, one, optimizer = Dropping(), batch(4), optax.sgd(0.0)
    options = {"module": module, "optimizer": optimizer, "preprocessing": Preprocessing(32)}
    state = start(module, optimizer)
    _, first = run(state, [one], 1, **options)
    _, same = run(state, [one], 1, **options)
    _, later = run(state.replace(step=np.int32(1)), [one], 1, **options)
    assert first["loss"] == same["loss"] != later["loss"]
    predict = jax.jit(partial(eval_step, module=module, preprocessing=Preprocessing(32)))
    variables = eval_variables(state, ())
    np.testing.assert_array_equal(predict(variables, one["image"]), predict(variables, one["image"]))


def test_a_mirrored_view_is_averaged_into_the_logits():
    module = models.create("seed_cnn", 3)
    variables = jax.tree.map(jnp.asarray, start(module, optax.sgd(0.0)).params)
    images, options = batch(2)["image"], {"module": module, "preprocessing": Preprocessing(32)}
    plain, mirrored = (
        eval_step({"params": variables}, jnp.asarray(x), **options) for x in (images, images[:, :, ::-1])
    )
    both = eval_step({"params": variables}, jnp.asarray(images), flip=True, **options)
    np.testing.assert_allclose(both, (plain + mirrored) / 2, rtol=1e-5)
    assert not np.allclose(plain, mirrored)


@pytest.mark.parametrize("augment", [Augment(), MIX])
def test_masked_rows_do_not_train(augment):
    optimizer, module, p = make_optimizer(find("adamw"), 1e-3), models.create("seed_cnn", 3), Preprocessing(32)
    full = batch(8)
    full["mask"][5:] = False
    other = {name: value.copy() for name, value in full.items()}
    other["image"][5:], other["label"][5:] = 7, 2
    options = {"module": module, "optimizer": optimizer, "preprocessing": p, "augment": augment, "label_smoothing": 0.1}
    one, metrics = run(start(module, optimizer), [full], 1, **options)
    two, same = run(start(module, optimizer), [other], 1, **options)
    assert metrics == same and metrics["examples"] == 5
    jax.tree.map(np.testing.assert_array_equal, one.params, two.params)


def test_mixed_labels_are_right_in_the_loss_and_in_the_accuracy():
    """A model that says class 0 whatever it sees: the loss follows from the mixed labels, which have one weight."""
    logits = jnp.array([2.0, 0.0, 0.0])

    class Stubborn(nn.Module):
        num_classes: int = 3

        @nn.compact
        def __call__(self, x, train=False):
            del train
            return self.param("head", lambda _: logits) + 0 * x.mean((1, 2))

    one = batch(4)
    one["label"] = np.array([0, 0, 1, 2], np.int32)
    optimizer = optax.sgd(0.0)
    state = start(Stubborn(), optimizer)
    _, metrics = run(state, [one], 1, module=Stubborn(), optimizer=optimizer, preprocessing=Preprocessing(32),
                     augment=Augment(mixup=1.0))  # fmt: skip
    key = jax.random.split(jax.random.fold_in(named_key(0, "mix"), 0))[1]
    weight = float(jax.random.beta(key, 1.0, 1.0))
    right, wrong = -jax.nn.log_softmax(logits)[0], -jax.nn.log_softmax(logits)[1]
    own, partners = [right, right, wrong, wrong], [right, wrong, wrong, right]  # the next one's label is the partner's
    expected = sum(weight * a + (1 - weight) * b for a, b in zip(own, partners, strict=True))
    assert metrics["loss"] == pytest.approx(float(expected), rel=1e-5)
    heavier = [0, 0, 1, 2] if weight > 0.5 else [0, 1, 2, 0]
    assert metrics["correct"] == heavier.count(0)


def test_features_are_neither_augmented_nor_mixed():
    """What was computed once is trained on as it is, whatever the augmentation says; labels are smoothed."""

    class Head(nn.Module):
        num_classes: int = 3

        @nn.compact
        def __call__(self, x, train=False):
            del train
            return nn.Dense(3, name="head")(x if x.ndim == 2 else x.mean((1, 2)))

    optimizer, one = optax.sgd(0.1), batch(8)
    one["image"] = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    options = {"module": Head(), "optimizer": optimizer, "preprocessing": Preprocessing(32)}
    plain, metrics = run(start(Head(), optimizer), [one], 2, **options)
    mixed, same = run(start(Head(), optimizer), [one], 2, **options, augment=MIX)
    _, smoothed = run(start(Head(), optimizer), [one], 2, **options, label_smoothing=0.1)
    assert metrics == same and metrics["loss"] != smoothed["loss"]
    jax.tree.map(np.testing.assert_array_equal, plain.params, mixed.params)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_frozen_backbone_stays_bytewise_and_costs_no_optimizer_state(mobilenet, ema):
    del mobilenet
    frozen = frozenset({"backbone"})
    optimizer = make_optimizer(find("adamw"), 1e-2)
    module = models.create("mobilenet_v2", 3, alpha=0.35, freeze="backbone", axis_name=parallel.AXIS)
    before = initial_state(initial_variables(module, 32, jax.random.key(0)), optimizer, frozen, ema=ema > 0)
    after, _ = run(
        before, [batch(8, seed=0), batch(8, seed=1)], 2, module=module, optimizer=optimizer,
        preprocessing=Preprocessing(32), frozen=frozen, ema=ema,
    )  # fmt: skip
    for trained in (vars(after), eval_variables(after, frozen)):
        for part in ("params", "batch_stats"):
            jax.tree.map(
                lambda a, b: np.testing.assert_equal(np.asarray(a).tobytes(), np.asarray(b).tobytes()),
                getattr(before, part)["backbone"], trained[part]["backbone"],
            )  # fmt: skip
    assert bool(after.ema) == (ema > 0) and "backbone" not in after.ema.get("params", {})
    assert not np.array_equal(before.params["head"]["kernel"], after.params["head"]["kernel"])
    moments = sum(leaf.size for leaf in jax.tree.leaves(after.opt_state) if leaf.ndim)
    assert moments == 2 * (1280 * 3 + 3)


def test_randomness_follows_from_seed_and_name():
    data = [jax.random.key_data(named_key(seed, name)).tolist() for seed in (0, 1) for name in ("init", "augment")]
    assert len({tuple(d) for d in data}) == 4


def test_learning_rate_is_set_without_touching_the_moments():
    optimizer = make_optimizer(find("adamw"), 1e-3)
    params = {"w": jnp.ones(2)}
    state = optimizer.init(params)
    _, state = optimizer.update(params, state, params)
    changed = with_learning_rate(state, 2e-4)
    update, _ = optimizer.update(params, changed, params)
    reference, _ = optimizer.update(params, state, params)
    np.testing.assert_allclose(update["w"], 0.2 * reference["w"], rtol=1e-5)
