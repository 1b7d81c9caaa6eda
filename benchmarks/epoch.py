"""How near a real fine-tuning comes to its own bare step, and what the rest of an epoch takes: prints a line of JSON.

    python -m benchmarks.epoch FOLDER [EPOCHS]

`configs/mobilenet.py` trains on the photographs of FOLDER. In its epochs blocks of steps of the training loop take
turns with blocks of the bare step, which is the same program on a batch that is on the device already.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from configs import mobilenet
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import parallel
from flowers_jax.training.loop import fit

BLOCK = 6
"""Steps of a block."""

LEFT_OUT = 2
"""The first blocks of each kind: the estimate of the run, and compiling."""


class Turns:
    """The training step, after each block of which a block of bare steps follows.

    Attributes:
        seconds: of each block, in the loop and bare.
    """

    def __init__(self, step: Callable[..., Any]):
        self.step, self.seconds = step, {"loop": [], "bare": []}
        self.calls, self.begin = 0, time.perf_counter()

    def __call__(self, state: Any, given: Any) -> Any:
        result = self.step(state, given)
        self.calls += 1
        if self.calls % BLOCK == 0:
            state = jax.block_until_ready(jax.tree.map(jnp.copy, result[0]))  # a step takes the memory of its state
            self._end("loop")
            for _ in range(BLOCK):
                state, _ = self.step(state, given)
            jax.block_until_ready(state)
            self._end("bare")
        return result

    def _end(self, kind: str) -> None:
        now = time.perf_counter()
        self.seconds[kind].append(now - self.begin)
        self.begin = now


def main(folder: str, epochs: int = 2) -> dict[str, object]:
    """Medians over the pairs of blocks and over the fine-tuning's epochs, in seconds."""
    config, turns, saves = mobilenet.get_config(), [], []
    config.data.dir, config.epochs = folder, epochs
    config.logging.report = config.logging.tensorboard = False
    map_step, save = parallel.map_step, Checkpoints.save

    def mapped(step: Callable[..., Any], *arguments: Any, donate_state: bool, **how: Any) -> Callable[..., Any]:
        made = map_step(step, *arguments, donate_state=donate_state, **how)
        if not donate_state:
            return made
        turns.append(Turns(made))
        return turns[-1]

    def saved(self: Checkpoints, *arguments: Any, **how: Any) -> None:
        begin = time.perf_counter()
        save(self, *arguments, **how)
        saves.append(time.perf_counter() - begin)

    parallel.map_step, Checkpoints.save = mapped, saved  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as workdir:
        run = RunDirectory(Path(workdir) / "run")
        fit(config, run.path, print_test=False)
        rows = [row for row in run.read_csv("metrics.csv") if row["phase"] == "finetune"]
        photographs = sum(row["split"] == "train" for row in run.read_splits().values())
    loop, bare = (turns[-1].seconds[kind][LEFT_OUT:] for kind in ("loop", "bare"))
    return {
        "of_the_bare_step": statistics.median(b / a for a, b in zip(loop, bare, strict=True)),
        "steps": -(-photographs // config.batch_size), "step": statistics.median(loop) / BLOCK,
        "evaluating": statistics.median(
            float(row["seconds"]) - photographs / float(row["images_per_second"]) for row in rows
        ),
        "saving": statistics.median(saves[-epochs:]),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
