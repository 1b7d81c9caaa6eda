"""Photographs that live on the devices: several steps in one call, equal to steps on batches from the host."""

import signal
from functools import partial

import jax
import numpy as np
import optax
import pytest

from flowers_jax import models
from flowers_jax.errors import Interrupted, UsageError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training import trainer
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config
from tests.training.runs import rows, state_bytes, timeless
from tests.training.steps import MIX, batch, run, run_resident, start
from tests.training.test_devices import DROPS, OwnLayers

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module")
def batches():
    """The last of three is filled with the first rows of the first one."""
    every = [batch(16, seed=seed) for seed in range(3)]
    every[2]["mask"][11:] = False
    for name in ("image", "label"):
        every[2][name][11:] = every[0][name][:5]
    return every


@pytest.mark.parametrize("devices", [1, 8, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4))])
@pytest.mark.parametrize(
    ("module", "rate"),
    [
        (OwnLayers(), 0.1),
        pytest.param(models.create("cnn", 3, axis_name=parallel.AXIS), 0.1, marks=pytest.mark.slow),
        pytest.param(models.create("mobilenet_v2", 3, axis_name=parallel.AXIS, **DROPS), 1e-3, marks=pytest.mark.slow),
    ],
    ids=["own layers", "cnn", "mobilenet"],
)
def test_the_same_as_streamed(batches, devices, module, rate):
    """With dropout, dropped paths and mixed examples."""
    optimizer = optax.sgd(rate)
    options = {
        "module": module, "optimizer": optimizer, "preprocessing": Preprocessing(32), "augment": MIX, "seed": 3,
    }  # fmt: skip
    state = start(module, optimizer)
    wanted, sums = run(state, batches, devices, **options)
    found, resident_sums = run_resident(state, batches, devices, **options)
    assert resident_sums["examples"] == sums["examples"] == 11
    assert resident_sums["loss"] == pytest.approx(sums["loss"], rel=1e-5)
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    jax.tree.map(close, found, wanted)


@pytest.mark.parametrize("calls", [(3,), (2, 1), (1, 1, 1)])
def test_how_many_steps_a_call_makes_changes_no_bit(batches, calls):
    module, optimizer = OwnLayers(), optax.adam(1e-2)
    options = {"module": module, "optimizer": optimizer, "preprocessing": Preprocessing(32), "augment": MIX}
    state = start(module, optimizer)
    wanted, _ = run_resident(state, batches, 2, **options)
    found, _ = run_resident(state, batches, 2, calls, **options)
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


@pytest.fixture(scope="module")
def resident(tmp_path_factory):
    """A run of the smoke config with its photographs on the devices, that nothing interrupted."""
    return trained(tmp_path_factory.mktemp("resident") / "run")


def trained(workdir, **keys):
    config = smoke_config()
    config.update_from_flattened_dict({"data.cache": "device"} | keys)
    fit(config, workdir)
    return workdir


def test_a_run_comes_to_the_figures_of_one_that_streams(resident, whole):
    for ours, theirs in zip(rows(resident), rows(whole), strict=True):
        for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
            assert float(ours[name]) == pytest.approx(float(theirs[name]), rel=1e-4)


@pytest.mark.parametrize("seconds", [0, 1e6])
def test_a_call_ends_when_a_save_is_due(resident, tmp_path, monkeypatch, seconds):
    """Whether calls are short or long; six steps make an epoch."""
    monkeypatch.setattr(trainer, "CALL_SECONDS", seconds)
    saved, save = [], trainer.Trainer._save
    with monkeypatch.context() as counting:
        counting.setattr(trainer.Trainer, "_save", lambda self: saved.append(self.progress.sums.batches) or save(self))
        often = trained(tmp_path / "often", **{"checkpoint.every_steps": 4})
    assert saved[:4] == [4, 0, 4, 0]
    assert timeless(often) == timeless(resident)
    assert state_bytes(often) == state_bytes(resident)


@pytest.mark.parametrize("call", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 4, 5))])
def test_a_signal_saves_after_the_call_and_the_run_goes_on_bitwise(resident, tmp_path, stop_after, call):
    stop_after(call)
    with pytest.raises(Interrupted) as stopped:
        trained(tmp_path / "cut")
    assert stopped.value.signum == signal.SIGTERM
    trained(tmp_path / "cut")
    assert timeless(tmp_path / "cut") == timeless(resident)
    assert state_bytes(tmp_path / "cut") == state_bytes(resident)


@pytest.mark.parametrize("cache", ["memory", "device"])
def test_nothing_is_compiled_after_the_first_epoch(smoke, tmp_path, cache):
    """Every compilation is counted, those of evaluation and saving too."""
    compiled, after_epochs = [], []

    class Counting:
        def on_epoch_end(self, *_):
            after_epochs.append(len(compiled))

    def listen(event, *_, **__):
        compiled.extend([event] * (event == COMPILED))

    smoke.data.cache, smoke.epochs = cache, 4
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        fit(smoke, tmp_path / "run", callbacks=[Counting()])
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert 0 < after_epochs[0] == after_epochs[-1], after_epochs


def test_several_processes_stream(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "may_hold_data", lambda _: False)
    smoke.data.cache = "device"
    with pytest.raises(UsageError, match=r"--config.data.cache=device: .*give memory or disk"):
        fit(smoke, tmp_path / "run")
