"""Compiled programs go with the run that needed them: each holds memory maps, of which Linux gives a process 65,530."""

import gc
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from flowers_jax.runtime import parallel
from flowers_jax.training.loop import fit


def memory_maps():
    """How many this process holds; 0 where there is no /proc."""
    maps = Path("/proc/self/maps")
    return maps.read_bytes().count(b"\n") if maps.exists() else 0


A_RUN = 240
"""Memory maps of what a run of the smoke config compiles."""


@pytest.mark.skipif(not memory_maps(), reason="counts memory maps as Linux shows them")
@pytest.mark.parametrize(("runs", "key"), [(6, "plateau.patience"), pytest.param(20, "seed", marks=pytest.mark.slow)])
def test_runs_of_ever_new_configs_do_not_add_up(smoke, tmp_path, runs, key):
    """The seed is a constant of the program, which is compiled anew; without that the disk has it."""
    smoke.epochs, counts = 1, []
    for number in range(runs):
        smoke.update_from_flattened_dict({key: number + 1})
        fit(smoke, tmp_path / str(number))
        counts.append(memory_maps())
    assert counts[-1] - counts[runs // 2 - 1] < A_RUN / 2, counts


def test_the_programs_of_a_caller_stay(smoke, tmp_path):
    traced = []

    @jax.jit
    def mine(x):
        traced.append(x)
        return x + 1

    mine(jnp.zeros(3))
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    mine(jnp.zeros(3))
    assert len(traced) == 1


@pytest.mark.parametrize("count", [1, 8])
def test_what_is_mapped_goes_when_nobody_needs_it(count):
    def step(state, batch):
        return state + batch.sum(), batch

    devices = jax.local_devices()[:count]
    mapped = parallel.map_step(step, devices, donate_state=False)
    state, batch = parallel.replicate(jnp.zeros(()), devices), parallel.shard(jnp.ones(8), devices)
    mapped(state, batch)
    kept = weakref.ref(step)
    del mapped, step
    gc.collect()
    assert kept() is None
