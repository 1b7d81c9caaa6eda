"""A batch in parts that follow each other trains as the whole batch does."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.models.layers import ConvNorm, Dropout, drop_path, example_keys
from flowers_jax.optimizers import OPTIMIZERS, find, make_optimizer
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training.loop import fit
from flowers_jax.training.state import split_params
from tests.training.runs import rows
from tests.training.steps import MIX, batch, run, start


class Network(nn.Module):
    """BatchNorm, stochastic depth and dropout."""

    num_classes: int = 3

    @nn.compact
    def __call__(self, x, train=False):
        y = ConvNorm(8, 3, 4, axis_name=parallel.AXIS, name="norm")(x, train)
        if train:
            y = drop_path(y, 0.5, example_keys(self, len(y), parallel.AXIS))
        y = Dropout(0.5, parallel.AXIS)(nn.relu(y).mean((1, 2)), train)
        return nn.Dense(self.num_classes, name="head")(y)


def trained(devices, accumulate, batch_norm, frozen=(), optimizer=None):
    """The state and the sums after one batch of 32, of which 21 rows are real."""
    module, optimizer, whole = Network(), optimizer or optax.sgd(0.1), batch(32)
    whole["mask"][21:] = False
    state = start(module, optimizer, frozen)
    average = {"params": split_params(state.params, frozen)[0], "batch_stats": state.batch_stats}
    state = state.replace(ema=jax.tree.map(jnp.copy, average))
    return run(
        state, [whole], devices, module=module, optimizer=optimizer, preprocessing=Preprocessing(32), augment=MIX,
        seed=3, class_weights=(0.5, 1.0, 2.0), label_smoothing=0.1, ema=0.9, frozen=frozen, batch_norm=batch_norm,
        accumulate=accumulate,
    )  # fmt: skip


def close(one, other, tolerance=1e-6):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance), one, other)


@pytest.fixture(scope="module")
def undivided():
    return trained(1, 1, "stored")


@pytest.mark.parametrize(("devices", "parts"), [(1, 4), (2, 2), (4, 4), (8, 4)])
def test_parts_train_as_the_whole_batch(undivided, devices, parts):
    """With mixing, dropout, stochastic depth, class weights, a moving average and rows that only fill."""
    state, sums = trained(devices, parts, "stored")
    assert sums["loss"] == pytest.approx(undivided[1]["loss"], rel=1e-6)
    assert sums["correct"] == undivided[1]["correct"] and sums["examples"] == 21
    close((state.params, state.ema), (undivided[0].params, undivided[0].ema))
    assert state.step == 1


class Linear(nn.Module):
    num_classes: int = 3

    @nn.compact
    def __call__(self, x, train=False):
        del train
        return nn.Dense(3, name="head")(x.mean((1, 2)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_makes_one_update_of_a_batch(name):
    optimizer = make_optimizer(find(name), 1e-2)
    options = {"module": Linear(), "optimizer": optimizer, "preprocessing": Preprocessing(8)}
    one = batch(8, size=8)
    one["image"][:, :4] //= 2  # so that no gradient is almost 0
    whole, parts = (run(start(Linear(), optimizer, size=8), [one], 1, accumulate=k, **options)[0] for k in (1, 4))
    close(parts.params, whole.params, 1e-5)
    close(parts.opt_state, whole.opt_state, 1e-5)


def test_batch_statistics_are_of_a_part_of_all_devices_and_stored_as_their_mean():
    whole, one, two = (trained(devices, parts, "batch")[0] for devices, parts in ((1, 1), (1, 4), (2, 2)))
    close(one.batch_stats["norm"]["mean"], whole.batch_stats["norm"]["mean"])  # the mean of means of equal parts
    assert (one.batch_stats["norm"]["var"] < whole.batch_stats["norm"]["var"]).all()  # of what is within the parts
    assert (one.batch_stats["norm"]["var"] < two.batch_stats["norm"]["var"]).any()  # whose parts are twice as large
    assert not np.allclose(one.params["norm"]["kernel"], whole.params["norm"]["kernel"], atol=1e-6)


def test_frozen_statistics_keep_their_bytes():
    before = start(Network(), optax.sgd(0.1), ("norm",)).batch_stats
    state, _ = trained(1, 2, "batch", frozen=("norm",))
    jax.tree.map(np.testing.assert_array_equal, state.batch_stats, jax.device_get(before))


def test_a_run_in_parts_has_the_figures_of_the_whole(smoke, tmp_path, capsys):
    smoke.epochs = 2
    fit(smoke, tmp_path / "whole")
    smoke.accumulate = 4
    fit(smoke, tmp_path / "parts")
    for whole, parts in zip(rows(tmp_path / "whole"), rows(tmp_path / "parts"), strict=True):
        for column in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
            assert float(parts[column]) == pytest.approx(float(whole[column]), rel=1e-4)
    assert "BatchNorm takes" not in capsys.readouterr().out  # the model has none
    smoke.accumulate = 2
    with pytest.raises(UsageError, match=r"another config: accumulate \(4 -> 2\)"):
        fit(smoke, tmp_path / "parts")


def test_a_run_says_that_batch_statistics_are_of_parts(smoke, tmp_path, capsys):
    smoke.model.name, smoke.accumulate, smoke.epochs = f"{__name__}:Network", 4, 1
    fit(smoke, tmp_path / "run")
    said = "warning  --config.accumulate=4: BatchNorm takes the statistics of 4 photographs in training, not of 16"
    assert capsys.readouterr().out.count(said) == 1


def test_parts_that_do_not_divide_the_batch_are_refused(smoke, tmp_path):
    smoke.devices, smoke.accumulate = 2, 3
    with pytest.raises(UsageError, match=r"batch_size 16 is not .* the 2 devices times --config\.accumulate=3: .*=18"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_little_memory_names_both_keys(smoke, tmp_path):
    class TooLarge:
        def on_epoch_end(self, *_):
            jnp.zeros(2**48, jnp.float32).block_until_ready()

    with pytest.raises(
        TrainingError, match=r"memory .*larger --config\.accumulate than 1.*smaller --config\.batch_size"
    ):
        fit(smoke, tmp_path / "run", callbacks=[TooLarge()])
