"""What one call of a compiled training step is given: a batch that comes from the host, or the numbers of several
batches of photographs that live on the devices.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from flowers_jax.data.loader import SplitArrays, batches, rows_of
from flowers_jax.runtime import parallel
from flowers_jax.training.state import TrainState
from flowers_jax.types import Devices

AHEAD = 2
"""So many batches wait on the devices while one trains."""


class Feed(NamedTuple):
    """What a call is given, on the devices, and how many steps it makes of it."""

    given: Any
    steps: int


class Resident(NamedTuple):
    """Photographs on the devices, and which of them the steps number `first` to `first + count - 1` train on.

    Attributes:
        images: uint8 [N, H, W, 3], or features, float32 [N, F]; every device has all of them.
        labels: int32 [N].
        rows: int32 [steps of an epoch, B], the photographs of each batch.
        mask: bool, of the same shape; see `Batch`.
    """

    images: Any
    labels: Any
    rows: Any
    mask: Any
    first: Any
    count: Any


DIVIDED = Resident(images=None, labels=None, rows=0, mask=0, first=None, count=None)
"""The axis that `parallel.map_step` divides among the devices."""


def streamed(part: SplitArrays, order: np.ndarray, batch_size: int, first: int, devices: Devices) -> Iterator[Feed]:
    """The batches of an epoch from number `first` on, one for each call."""
    waiting: deque[Feed] = deque()
    for batch in batches(part, order, batch_size, first=first, own=parallel.own_rows(devices, batch_size)):
        waiting.append(Feed(parallel.shard(batch, devices), 1))
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


def resident(
    part: SplitArrays, order: np.ndarray, batch_size: int, first: int, devices: Devices, most: Callable[[int], int]
) -> Iterator[Feed]:
    """The same of photographs that `placed` has put on the devices; `most(first)` of the steps are made by a call."""
    rows, mask = (_by_device(one, devices) for one in rows_of(order, batch_size))
    steps = rows.shape[1]
    while first < steps:
        count = min(most(first), steps - first)
        numbers = parallel.replicate((np.int32(first), np.int32(count)), devices)
        yield Feed(Resident(part.images, part.labels, rows, mask, *numbers), count)
        first += count


def placed(part: SplitArrays, devices: Devices) -> SplitArrays:
    """The photographs on every device."""
    return SplitArrays(*parallel.replicate(tuple(part), devices))


def several(step: Callable[..., Any]) -> Callable[[TrainState, Resident], tuple[TrainState, dict[str, Array]]]:
    """`train_step` as a function of `Resident`: one program for any number of steps, which it makes one by one.

    Its sums are those of each step, [steps of an epoch]; the first `count` are filled.
    """

    def steps(state: TrainState, given: Resident) -> tuple[TrainState, dict[str, Array]]:
        def one(state: TrainState, number: Any) -> tuple[TrainState, dict[str, Array]]:
            rows = given.rows[number]
            return step(state, {"image": given.images[rows], "label": given.labels[rows], "mask": given.mask[number]})

        def next_one(number: Any, so_far: tuple[TrainState, Any]) -> tuple[TrainState, Any]:
            state, sums = one(so_far[0], number)
            return state, jax.tree.map(lambda every, new: every.at[number - given.first].set(new), so_far[1], sums)

        _, sums = jax.eval_shape(one, state, given.first)
        empty = jax.tree.map(lambda leaf: jnp.zeros(len(given.rows), leaf.dtype), sums)
        return lax.fori_loop(given.first, given.first + given.count, next_one, (state, empty))

    return steps


def _by_device(rows: np.ndarray, devices: Devices) -> jax.Array:
    """[steps, B] -> [devices, steps, B / devices] on the devices."""
    shares = rows.reshape(len(rows), len(devices), -1).swapaxes(0, 1)
    return parallel.shard(shares.reshape(-1, shares.shape[-1]), devices)
