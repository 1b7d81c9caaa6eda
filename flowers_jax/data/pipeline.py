"""A function of the numbers 0, 1, ..., computed ahead in threads and given in order.

tf.data does it. Where TensorFlow is not installed, Python's threads do. Both give the same, whatever the number of
threads.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from flowers_jax.data.lazy_tensorflow import tensorflow

T = TypeVar("T")
Arrays = tuple[np.ndarray, ...]


def computed_ahead(
    function: Callable[[int], Arrays], numbers: range, dtypes: tuple[type, ...], *, threads: int, ahead: int
) -> Iterator[Arrays]:
    """`function` of each number, in order.

    Args:
        function: returns arrays of `dtypes`. What it raises is raised here.
        threads: how many numbers are computed at once.
        ahead: how many results wait until the caller asks for them.
    """
    try:
        tf = tensorflow()
    except ImportError:
        return in_threads(function, numbers, threads=threads, ahead=ahead)
    return _by_tensorflow(tf, function, numbers, dtypes, threads, ahead)


def in_threads(function: Callable[[Any], T], rows: Iterable[Any], *, threads: int = 0, ahead: int) -> Iterator[T]:
    """`function` of each row, in order; `ahead` rows are computed while the caller uses one.

    Args:
        threads: 0: one a core.
    """
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(threads or os.cpu_count())
    try:
        for row in rows:
            waiting.append(pool.submit(function, row))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _by_tensorflow(
    tf: Any,
    function: Callable[[int], Arrays],
    numbers: range,
    dtypes: tuple[type, ...],
    threads: int,
    ahead: int,
) -> Iterator[Arrays]:
    held, failed = [function], list[Exception]()  # TensorFlow never frees a function that it gets, nor the data in it

    def released(number: np.int64) -> Arrays:
        try:
            return held[0](int(number))
        except Exception as error:
            failed.append(error)
            raise

    data = tf.data.Dataset.range(numbers.start, numbers.stop).map(
        lambda number: tuple(tf.numpy_function(released, [number], dtypes, stateful=False)),
        num_parallel_calls=threads,
        deterministic=True,
    )
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    try:
        yield from data.with_options(options).prefetch(ahead).as_numpy_iterator()
    except Exception:
        if failed:  # TensorFlow's own error has the same as text
            raise failed[0] from None
        raise
    finally:
        held.clear()
