"""The step: equal on any number of devices, blind to padding, and frozen where it should be."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import models, parallel
from flowers_jax.data.augment import Augment, Generator
from flowers_jax.errors import UsageError
from flowers_jax.models.preprocessing import Preprocessing
from flowers_jax.training.optim import make_optimizer, with_learning_rate
from flowers_jax.training.state import TrainState, eval_variables, split_params
from flowers_jax.training.step import eval_step, named_key, train_step

def batch(count, size=32, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.integers(0, 256, (count, size, size, 3), np.uint8),
        "label": rng.integers(0, classes, count).astype(np.int32),
        "mask": np.ones(count, bool),
    }


def start(module, optimizer, frozen=(), size=32):
    variables = jax.device_get(jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, size, size, 3))))
    trainable, _ = split_params(variables["params"], frozen)
    return TrainState(
        jnp.zeros((), jnp.int32), variables["params"], variables.get("batch_stats", {}), optimizer.init(trainable)
    )


def run(state, batches, devices, **options):
    devices = jax.local_devices()[:devices]
    state = parallel.replicate(jax.device_get(state), devices)
    step = parallel.pmap_step(partial(train_step, **options), devices, donate_state=True)
    metrics = {}
    with jax.transfer_guard("disallow"):
        for one in batches:
            state, metrics = step(state, parallel.shard(one, devices))
    return jax.device_get(state), jax.device_get(metrics)


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
    state = state.replace(ema=jax.tree.map(jnp.copy, state.params))
    average = np.zeros((3, 2))
    for step in range(3):
        state, _ = run(state, [batch(4, size=4, classes=2, seed=step)], 1, **options)
        kept = min(0.15, (1 + step) / (10 + step))
        average = kept * average + (1 - kept) * state.params["head"]["kernel"]
        np.testing.assert_allclose(state.ema["head"]["kernel"], average, rtol=1e-5)
    assert eval_variables(state, ())["params"]["head"]["kernel"] is state.ema["head"]["kernel"]


def test_dropout_and_stochastic_depth_are_drawn_by_step_and_only_in_training():
    module = models.create("mobilenet_v2", 3, alpha=0.35, dropout=0.5, stochastic_depth=0.5, batch_norm="stored")
    one, optimizer = batch(4), optax.sgd(0.0)
    options = {"module": module, "optimizer": optimizer, "preprocessing": Preprocessing(32)}
    state = start(module, optimizer)
    state.params["head"]["kernel"] = np.random.default_rng(0).normal(size=(1280, 3)).astype(np.float32)
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


FLIP = Augment(Generator(horizontal_flip=True))
MIX = Augment(Generator(horizontal_flip=True, rotation_range=20.0), random_erasing=0.5, mixup=0.4, cutmix=1.0)


@pytest.mark.parametrize(("name", "augment"), [("cnn", FLIP), ("seed_cnn", MIX)])
def test_one_two_four_and_eight_devices_train_alike(name, augment):
    optimizer = optax.sgd(0.1)  # Adam would divide rounding errors by themselves
    module = models.create(name, 3, axis_name=parallel.AXIS)
    batches = [batch(16, seed=seed) for seed in range(3)]
    batches[2]["mask"][11:] = False
    results = [
        run(start(module, optimizer), batches, n, module=module, optimizer=optimizer, preprocessing=Preprocessing(32),
            augment=augment, seed=3)
        for n in (1, 2, 4, 8)
    ]  # fmt: skip
    first_state, first_metrics = results[0]
    assert first_metrics["examples"] == 11
    for state, metrics in results[1:]:
        assert metrics["loss"] == pytest.approx(first_metrics["loss"], rel=1e-5)
        for part in ("params", "batch_stats"):
            close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
            jax.tree.map(close, getattr(state, part), getattr(first_state, part))


@pytest.mark.parametrize("augment", [Augment(), MIX])
def test_masked_rows_do_not_train(augment):
    optimizer, module, p = make_optimizer(1e-3), models.create("seed_cnn", 3), Preprocessing(32)
    full = batch(8)
    full["mask"][5:] = False
    other = {name: value.copy() for name, value in full.items()}
    other["image"][5:], other["label"][5:] = 7, 2
    options = {"module": module, "optimizer": optimizer, "preprocessing": p, "augment": augment}
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


def test_a_frozen_backbone_stays_bytewise_and_costs_no_optimizer_state():
    frozen = frozenset({"backbone"})
    optimizer = make_optimizer(1e-2)
    module = models.create("mobilenet_v2", 3, alpha=0.35, freeze="backbone", axis_name=parallel.AXIS)
    before = start(module, optimizer, frozen)
    after, _ = run(
        before, [batch(8, seed=seed) for seed in range(2)], 2, module=module, optimizer=optimizer, preprocessing=Preprocessing(32),
        frozen=frozen,
    )  # fmt: skip
    for part in ("params", "batch_stats"):
        jax.tree.map(
            lambda a, b: np.testing.assert_equal(a.tobytes(), b.tobytes()),
            getattr(before, part)["backbone"], getattr(after, part)["backbone"],
        )  # fmt: skip
    assert not np.array_equal(before.params["head"]["kernel"], after.params["head"]["kernel"])
    moments = sum(leaf.size for leaf in jax.tree.leaves(after.opt_state) if leaf.ndim)
    assert moments == 2 * (1280 * 3 + 3)


def test_randomness_follows_from_seed_and_name():
    data = [jax.random.key_data(named_key(seed, name)).tolist() for seed in (0, 1) for name in ("init", "augment")]
    assert len({tuple(d) for d in data}) == 4


def test_learning_rate_is_set_without_touching_the_moments():
    optimizer = make_optimizer(1e-3)
    state = optimizer.init({"w": jnp.ones(2)})
    _, state = optimizer.update({"w": jnp.ones(2)}, state)
    changed = with_learning_rate(state, 2e-4)
    update, _ = optimizer.update({"w": jnp.ones(2)}, changed)
    reference, _ = optimizer.update({"w": jnp.ones(2)}, state)
    np.testing.assert_allclose(update["w"], 0.2 * reference["w"], rtol=1e-5)


def test_devices_that_do_not_fit_are_refused():
    assert len(parallel.choose_devices(0, 16)) == 8
    assert len(parallel.choose_devices(2, 16)) == 2
    with pytest.raises(UsageError, match=r"batch_size 12 is not divisible by the 8 devices.*=16"):
        parallel.choose_devices(0, 12)
    with pytest.raises(UsageError, match=r"config\.devices is 9, but JAX sees 8 cpu"):
        parallel.choose_devices(9, 18)


def test_eight_devices_flip_the_same_images_as_one():
    """The draw belongs to the example, not to the device that has it."""
    from jax import lax

    from flowers_jax.training import step as step_module

    def keys(_state, one):
        rows = lax.axis_index(parallel.AXIS) * len(one["label"]) + jnp.arange(len(one["label"]))
        mine = step_module._example_keys(0, jnp.int32(3), rows)
        return _state, lax.all_gather(jax.random.key_data(mine), parallel.AXIS, tiled=True)

    drawn = []
    for n in (1, 4, 8):
        devices = jax.local_devices()[:n]
        mapped = parallel.pmap_step(keys, devices, donate_state=False)
        state = parallel.replicate(jnp.zeros(()), devices)
        drawn.append(np.asarray(mapped(state, parallel.shard(batch(16), devices))[1]))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert len(np.unique(drawn[0], axis=0)) == 16
