"""Data parallelism: a pure per-replica step, mapped over the devices of one process or of several.

One process maps it with `jax.pmap`; several with `jax.jit(jax.shard_map(...))` over the devices of all. The state is an
ordinary replicated tree (no leading device axis); batches carry a leading device axis. This module is below
evaluation and training because both map their steps. It is the only place that decides how steps are distributed.
"""

import functools
import weakref
import zlib
from collections.abc import Callable
from itertools import groupby, islice
from typing import Any

import jax
import numpy as np
from jax import lax
from jax._src import pmap as jax_pmap  # its cache has no public name
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from flowers_jax.errors import UsageError
from flowers_jax.runtime import compilation, process, processes
from flowers_jax.types import Devices

AXIS = "batch"
"""Name of the mapped axis, for `lax.psum` and for `nn.BatchNorm(axis_name=...)`."""


SHARE_OF_DATA = 1 / 4
"""Of a device's memory; training needs the rest."""


def choose_devices(count: int, batch_size: int, parts: int = 1) -> Devices:
    """The first `count` devices of each process (0: all of them), process after process.

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
    if jax.process_count() > processes.count():
        raise UsageError(
            f"JAX sees {jax.process_count()} processes, which do not know of each other: give --distributed, or call "
            "jax.distributed.initialize()"
        )
    if processes.count() > 1:
        every = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
        of_process = groupby(every, key=lambda device: device.process_index)
        devices = [device for _, own in of_process for device in islice(own, count or None)]
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


def own_rows(devices: Devices, batch_size: int) -> slice:
    """The rows of a batch that belong to the devices of this process; `shard` takes these."""
    share = batch_size // len(devices)
    own = [number for number, device in enumerate(devices) if device.process_index == jax.process_index()]
    return slice(own[0] * share, (own[-1] + 1) * share)


def map_step(step: Callable, devices: Devices, *, donate_state: bool, divided: Any = 0) -> Callable:
    """Map `step(state, batch) -> (state, metrics)`; the results are replicated, so the step must reduce them.

    Args:
        divided: the axis of each array of the batch that is divided among the devices, as `in_axes` of `jax.pmap`;
            another than 0 within one process alone.
    """
    donated = (0,) if donate_state else ()
    if is_shared(devices):
        return _shard_map(step, devices, donate_argnums=donated)
    return _pmap(step, devices, divided, out_axes=None, donate_argnums=donated)


def map_predict(step: Callable, devices: Devices) -> Callable:
    """Map `step(variables, images) -> outputs`; the outputs have a device axis, and every process has all of them."""
    if is_shared(devices):
        return _shard_map(lambda variables, images: lax.all_gather(step(variables, images), AXIS), devices)
    return _pmap(step, devices)


def is_shared(devices: Devices) -> bool:
    """Whether some of the devices belong to another process."""
    return any(device.process_index != jax.process_index() for device in devices)


def _shard_map(step: Callable, devices: Devices, **how: Any) -> Callable:
    """As `_pmap`, and the outputs are replicated. `jax.pmap` has devices of one process alone."""
    return compilation.compiled(jit_shard_map(step, devices, **how), devices[0].platform)


def jit_shard_map(step: Callable, devices: Devices, **how: Any) -> Any:
    """`step` as a function of `jax.jit`, which no device has to run: `jax.export` lowers it for others."""

    def of_share(state: Any, share: Any) -> Any:
        return step(state, jax.tree.map(lambda leaf: leaf[0], share))  # without the device axis, as in `jax.pmap`

    specs = {"in_specs": (PartitionSpec(), PartitionSpec(AXIS)), "out_specs": PartitionSpec()}
    return jax.jit(jax.shard_map(of_share, mesh=_mesh(devices), check_vma=False, **specs), **how)


def _pmap(step: Callable, devices: Devices, divided: Any = 0, **how: Any) -> Callable:
    """The second argument is divided among the devices. Compiled programs are freed with the returned function."""
    mapped = jax.pmap(step, axis_name=AXIS, in_axes=(None, divided), devices=devices, **how)  # type: ignore[arg-type]
    # JAX caches programs while their function exists, and the cache refers to the function: it would never be freed.
    if cache := getattr(jax_pmap, "_cached_shard_map", None):  # another version of JAX may not have it
        weakref.finalize(mapped, cache.evict_function, step).atexit = False
    return compilation.compiled(mapped, devices[0].platform)


def replicate(tree: Any, devices: Devices) -> Any:
    """Place a host tree on every device. This is explicit because donating a new single-device state fails."""
    sharding = _sharding(tuple(devices))
    if not is_shared(devices):
        return jax.device_put(tree, sharding)

    def place(leaf: Any) -> jax.Array:
        if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
            return leaf
        return jax.make_array_from_process_local_data(sharding, np.asarray(leaf), np.shape(leaf))

    return jax.tree.map(place, tree)


def replicated(like: Any, devices: Devices) -> Any:
    """The shapes of `like`, with a sharding that replicates them on every device."""
    sharding = _sharding(tuple(devices))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), like)


def differing_copies(tree: Any) -> list[str]:
    """The paths of the leaves of a replicated tree whose copies differ in any byte between devices.

    `is_fully_replicated` tells only the requested sharding, not the content.
    """
    paths, sums = [], []
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        copies = {np.asarray(jax.device_get(shard.data)).tobytes() for shard in leaf.addressable_shards}
        paths.append(jax.tree_util.keystr(path, simple=True, separator="/"))
        sums.append([extreme(map(zlib.crc32, copies)) for extreme in (min, max)])
    every = processes.gathered(np.array(sums, np.uint32))
    return [path for path, low, high in zip(paths, every.min((0, 2)), every.max((0, 2)), strict=True) if low != high]


def shard(batch: Any, devices: Devices) -> Any:
    """[B, ...] host arrays -> [devices, B / devices, ...] arrays, one slice per device.

    Args:
        batch: the rows of this process (`own_rows`), which are all rows of one that trains alone.
    """
    split, sharding = _split(batch, devices), _sharding(tuple(devices), AXIS)
    if not is_shared(devices):
        return jax.device_put(split, sharding)

    def place(rows: np.ndarray) -> jax.Array:
        return jax.make_array_from_process_local_data(sharding, rows, (len(devices), *rows.shape[1:]))

    with jax.transfer_guard_host_to_device("allow"):  # which takes this for an implicit transfer
        return jax.tree.map(place, split)


def host_shards(batch: Any, devices: Devices) -> Any:
    """As `shard`, for a program that is called at once: it takes arrays of the host itself, which is faster."""
    return shard(batch, devices) if is_shared(devices) else _split(batch, devices)


def _split(batch: Any, devices: Devices) -> Any:
    own = sum(device.process_index == jax.process_index() for device in devices)
    return jax.tree.map(lambda x: np.reshape(x, (own, -1, *x.shape[1:])), batch)


def may_hold_data(devices: Devices) -> bool:
    """Whether the whole training data may live on each device: processes that work together take it batch by batch."""
    return not is_shared(devices) and not jax.distributed.is_initialized()


def spare_memory(devices: Devices) -> int:
    """Bytes that data may take on each device beside training; 0 on a CPU, whose memory is that of the host."""
    if devices[0].platform == "cpu" or not may_hold_data(devices):
        return 0
    return min(int((device.memory_stats() or {}).get("bytes_limit", 0) * SHARE_OF_DATA) for device in devices)


def make_vote(devices: Devices) -> Callable[..., tuple[int, ...]]:
    """`vote(*wishes)` returns the largest of each wish of all processes.

    One process has its own wishes back. Of several it is those of the call before, so that no device waits for a host
    between two steps.
    """
    if not is_shared(devices):
        return lambda *wishes: wishes
    largest = _shard_map(lambda _, wishes: lax.pmax(wishes.max(0), AXIS), devices)
    own = own_rows(devices, len(devices))
    before: list[jax.Array] = []

    def vote(*wishes: int) -> tuple[int, ...]:
        before.append(largest((), shard(np.tile(np.array(wishes, np.int32), (own.stop - own.start, 1)), devices)))
        return tuple(jax.device_get(before.pop(0)).tolist()) if len(before) > 1 else (0,) * len(wishes)

    return vote


@functools.cache
def _sharding(devices: tuple[Any, ...], *axes: str) -> NamedSharding:
    """One object for each division: JAX looks up what it knows of a sharding, which takes longer for a new one."""
    return NamedSharding(_mesh(devices), PartitionSpec(*axes))


def _mesh(devices: Devices) -> Mesh:
    return Mesh(np.array(devices), (AXIS,))
