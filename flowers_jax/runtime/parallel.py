"""Data parallelism: a pure per-replica step, mapped over the local devices with `jax.pmap`.

The state is an ordinary replicated tree (no leading device axis); batches carry a leading device axis.
This module is below evaluation and training because both map their steps. It is the only place that decides how
steps are distributed.
"""

import weakref
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax._src import distributed  # gives the number of processes without starting the backend
from jax._src import pmap as jax_pmap  # its cache has no public name
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from flowers_jax.errors import UsageError
from flowers_jax.runtime import process
from flowers_jax.types import Devices

AXIS = "batch"
"""Name of the mapped axis, for `lax.psum` and for `nn.BatchNorm(axis_name=...)`."""


def refuse_several_processes() -> None:
    """A run uses one process: several would train separately, or wait for each other at the first checkpoint.

    Raises:
        UsageError: JAX is initialised with more than one process.
    """
    if jax.distributed.is_initialized():  # then `jax.process_count` starts the backend, which waits for the others
        count = distributed.global_state.num_processes
    else:
        local_devices()
        count = jax.process_count()
    if count > 1:
        raise UsageError(
            f"jax.distributed has {count} processes, but a run uses one: start a single process, which trains on all "
            "devices of its machine (--config.devices=0)"
        )


def choose_devices(count: int, batch_size: int, parts: int = 1) -> Devices:
    """The first `count` local devices (0: all of them).

    Args:
        parts: of the share of each device, `config.accumulate`.

    Raises:
        UsageError: there are fewer devices, or they and the parts do not divide the global batch size.
    """
    available = local_devices()
    if count > len(available):
        raise UsageError(
            f"config.devices is {count}, but JAX sees {len(available)} {available[0].platform} device(s): "
            f"give --config.devices=0 (all) to {len(available)}"
        )
    devices = available[: count or len(available)]
    shares = len(devices) * parts
    if batch_size % shares:
        among = f"the {len(devices)} devices" + (f" times --config.accumulate={parts}" if parts > 1 else "")
        other = " or --config.accumulate" if parts > 1 else ""
        raise UsageError(
            f"config.batch_size {batch_size} is not divisible by {among}: give "
            f"--config.batch_size={round_up(batch_size, shares)}, or another --config.devices{other}"
        )
    return devices


def local_devices() -> Devices:
    """The devices of this process. JAX looks for them at the first call, with the environment that its import made."""
    with process.environment_of_imports():
        return jax.local_devices()


def round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def pmap_step(step: Callable, devices: Devices, *, donate_state: bool) -> Callable:
    """Map `step(state, batch) -> (state, metrics)`; the results are replicated, so the step must reduce them."""
    return _pmap(step, devices, out_axes=None, donate_argnums=(0,) if donate_state else ())


def pmap_predict(step: Callable, devices: Devices) -> Callable:
    """Map `step(variables, images) -> outputs`; the outputs keep the device axis of the images."""
    return _pmap(step, devices)


def _pmap(step: Callable, devices: Devices, **how: Any) -> Callable:
    """The second argument is divided among the devices. Compiled programs are freed with the returned function."""
    mapped = jax.pmap(step, axis_name=AXIS, in_axes=(None, 0), devices=devices, **how)  # type: ignore[arg-type]
    # JAX caches programs while their function exists, and the cache refers to the function: it would never be freed.
    if cache := getattr(jax_pmap, "_cached_shard_map", None):  # another version of JAX may not have it
        weakref.finalize(mapped, cache.evict_function, step).atexit = False
    return mapped


def replicate(tree: Any, devices: Devices) -> Any:
    """Place a host tree on every device. This is explicit because donating a new single-device state fails."""
    return jax.device_put(tree, NamedSharding(_mesh(devices), PartitionSpec()))


def replicated(like: Any, devices: Devices) -> Any:
    """The shapes of `like`, with a sharding that replicates them on every device."""
    sharding = NamedSharding(_mesh(devices), PartitionSpec())
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), like)


def differing_copies(tree: Any) -> list[str]:
    """The paths of the leaves of a replicated tree whose copies differ in any byte between devices.

    `is_fully_replicated` tells only the requested sharding, not the content.
    """
    differing = []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        copies = {np.asarray(jax.device_get(shard.data)).tobytes() for shard in leaf.addressable_shards}
        if len(copies) > 1:
            differing.append(jax.tree_util.keystr(path, simple=True, separator="/"))
    return differing


def shard(batch: Any, devices: Devices) -> Any:
    """[B, ...] host arrays -> [devices, B / devices, ...] arrays, one slice per device."""
    split = jax.tree.map(lambda x: np.reshape(x, (len(devices), -1, *x.shape[1:])), batch)
    return jax.device_put(split, NamedSharding(_mesh(devices), PartitionSpec(AXIS)))


def _mesh(devices: Devices) -> Mesh:
    return Mesh(np.array(devices), (AXIS,))
