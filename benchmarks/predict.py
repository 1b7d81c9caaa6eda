"""How near prediction of files comes to the model alone and to decoding alone, in one process: prints a line of JSON.

    python -m benchmarks.predict RUN FOLDER [ROUNDS]

RUN is a run directory and FOLDER has photographs, at any depth. Each round measures the three one after another: the
predictor on a ready batch, the decoder on all cores, and `predict_files`. `bound` is the rate of a machine where both
keep every core busy, so that one photograph costs the sum of their times.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import jax
import numpy as np

from flowers_jax.data.dataset import Skipped
from flowers_jax.evaluation import selection, trained_model
from flowers_jax.evaluation.images import read_in_batches
from flowers_jax.evaluation.trained_model import TrainedModel

ROUNDS = 3


def main(run: str, folder: str, rounds: int = ROUNDS) -> dict[str, object]:
    """The medians of the rounds, in photographs a second; the first predictions, which compile, are left out."""
    model = trained_model.load(run)
    paths = selection.select([folder], recursive=True).paths
    whole = len(paths) // model.batch_size * model.batch_size or model.batch_size
    paths = (paths * model.batch_size)[:whole]
    size = model.preprocessing.size
    batch = np.random.default_rng(0).integers(0, 256, (model.batch_size, size, size, 3), np.uint8)
    model.predictor(batch)
    ways: dict[str, Callable[[], object]] = {
        "inference": lambda: [model.predictor(batch) for _ in range(whole // model.batch_size)],
        "decoding": lambda: _decode(model, paths),
        "predicting": lambda: sum(not isinstance(one, Skipped) for one in trained_model.predict_files(model, paths)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - begin)
    rates = {name: whole / statistics.median(times) for name, times in seconds.items()}
    together = 1 / (1 / rates["inference"] + 1 / rates["decoding"])
    return {
        "backend": jax.default_backend(), "cores": os.cpu_count(), "photographs": whole, "seconds": seconds,
        "rates": rates, "bound": together, "of_the_bound": rates["predicting"] / together,
        "of_the_lower": rates["predicting"] / min(rates["inference"], rates["decoding"]),
    }  # fmt: skip


def _decode(model: TrainedModel, paths: list[str]) -> None:
    for _ in read_in_batches(paths, model.preprocessing, model.max_pixels, model.batch_size):
        pass


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else ROUNDS)))
