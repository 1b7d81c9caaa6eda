"""Some of our training steps as a trace that TensorBoard opens.

python -m benchmarks.profile MODEL BATCH DIR
"""

import sys

import jax

from benchmarks import ours

STEPS = 3


def main(model: str, batch: int, folder: str) -> None:
    """Writes under FOLDER/plugins/profile."""
    program = ours.build(model, batch)
    program.train()
    with jax.profiler.trace(folder):
        for _ in range(STEPS):
            program.train()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
