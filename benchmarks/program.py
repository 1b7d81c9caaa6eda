"""One program measured in a process of its own: prints a line of JSON.

python -m benchmarks.program WHO MODEL BATCH STARTED
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

MODULES = {
    "ours": "benchmarks.ours",
    "ours-xla": "benchmarks.ours_xla",
    "keras": "benchmarks.keras_peer",
    "keras-huge": "benchmarks.keras_peer",
    "torch": "benchmarks.torch_peer",
    "torch-tuned": "benchmarks.torch_peer",
    "torch-huge": "benchmarks.torch_peer",
    "torch-compiled": "benchmarks.torch_compiled",
}
"""Each has `build(model, batch) -> Program`."""


class Program(NamedTuple):
    """What is measured. Both functions take one batch and return when its result is there."""

    train: Callable[[], object]
    predict: Callable[[], object]
    backend: str
    dtype: str
    version: str


def main(who: str, model: str, batch: int, started: float) -> dict[str, object]:
    """Build, then measure training and inference in images a second.

    Args:
        started: when the process was started, in seconds since the epoch: the first step's time counts from there.
    """
    program = importlib.import_module(MODULES[who]).build(model, batch)
    program.train()
    first = time.time() - started
    rates = {"train": batch / median_seconds(program.train), "inference": batch / median_seconds(program.predict)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    details = {"backend": program.backend, "dtype": program.dtype, "version": program.version}
    return details | {"rates": rates, "first_step_seconds": round(first, 2), "peak_megabytes": round(peak)}


def median_seconds(run: Callable[[], object]) -> float:
    """The median time of a call, over some seconds after the first calls."""
    for _ in range(WARM_UPS):
        run()
    times: list[float] = []
    while len(times) < AT_LEAST or sum(times) < SECONDS:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
