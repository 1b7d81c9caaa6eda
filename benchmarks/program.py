"""One program measured in a process of its own: prints a line of JSON.

python -m benchmarks.program WHO MODEL BATCH STARTED [first]
"""

import importlib
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

WARM_UPS = 2
SECONDS = 6.0
AT_LEAST = 4

BUILDERS = {
    "ours": "ours.build",
    "ours-resident": "ours.resident",
    "ours-tuned": "ours.build",
    "ours-xla": "ours.xla",
    "keras": "keras_peer.build",
    "keras-huge": "keras_peer.build",
    "keras-jit": "keras_peer.jit",
    "keras-amp": "keras_peer.amp",
    "torch": "torch_peer.build",
    "torch-tuned": "torch_peer.build",
    "torch-huge": "torch_peer.build",
    "torch-compiled": "torch_peer.compiled",
    "torch-amp": "torch_peer.amp",
    "torch-amp-compiled": "torch_peer.amp_compiled",
}
"""Each takes a model and the size of a batch, and returns a `Program`."""


class Program(NamedTuple):
    """What is measured.

    Attributes:
        train: trains on `steps` batches and returns when the result is there.
        predict: the same of one batch.
        step_bytes: bytes that a step reads and writes in the memory of a GPU or TPU; 0 where that was not counted.
    """

    train: Callable[[], object]
    predict: Callable[[], object]
    backend: str
    dtype: str
    version: str
    steps: int = 1
    step_bytes: float = 0


def main(who: str, model: str, batch: int, started: float, *only: str) -> dict[str, object]:
    """Build, then measure training and inference in images a second.

    Args:
        started: when the process was started, in seconds since the epoch: the first step's time counts from there.
        only: `first`, to measure the first step alone.
    """
    module, _, name = BUILDERS[who].partition(".")
    program = getattr(importlib.import_module(f"benchmarks.{module}"), name)(model, batch)
    program.train()
    first = round(time.time() - started, 2)
    if only:
        return {"first_step_seconds": first}
    step = median_seconds(program.train) / program.steps
    rates = {"train": batch / step, "inference": batch / median_seconds(program.predict)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    details = {"backend": program.backend, "dtype": program.dtype, "version": program.version}
    if program.step_bytes:
        details |= {"bandwidth_share": round(program.step_bytes / step / bandwidth(), 3)}
    return details | {"rates": rates, "first_step_seconds": first, "peak_megabytes": round(peak)}


def bandwidth() -> float:
    """Bytes a second that the first device reads and writes when it adds 1 to many numbers."""
    import jax  # of our programs alone
    import jax.numpy as jnp

    numbers = jnp.zeros(2**26, jnp.float32)
    add = jax.jit(lambda numbers: numbers + 1)
    return 2 * numbers.nbytes / median_seconds(lambda: jax.block_until_ready(add(numbers)), seconds=1)


def median_seconds(run: Callable[[], object], seconds: float = SECONDS) -> float:
    """The median time of a call, over some seconds after the first calls."""
    for _ in range(WARM_UPS):
        run()
    times: list[float] = []
    while len(times) < AT_LEAST or sum(times) < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), *sys.argv[5:])))
