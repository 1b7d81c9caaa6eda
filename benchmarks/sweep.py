"""Seconds of a sweep in one process, beside a start of its own for each point.

python -m benchmarks.sweep [FOLDER] --config=NAME --grid KEY=VALUES [--grid ...] [--config.key=value ...]

The flags are those of scripts/sweep.py without --out. Let nothing else run meanwhile. The starts come second, so they
find every program and feature that the sweep stored. A first sweep that is not timed stores them for both.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from flowers_jax import cli

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def main(argv: Sequence[str]) -> None:
    flags = cli.parser(__doc__)
    flags.add_argument("--grid", action="append", required=True)
    args, of_train = flags.parse_known_args(list(argv))
    with tempfile.TemporaryDirectory(prefix="flowers-jax-") as folder:
        grid = [f"--grid={values}" for values in args.grid]
        _seconds("sweep", *of_train, *grid, f"--out={folder}/first")
        one = _seconds("sweep", *of_train, *grid, f"--out={folder}/sweep")
        keys = [values.partition("=")[0] for values in args.grid]
        with (Path(folder) / "sweep" / "sweep.csv").open(newline="") as file:
            points = [[f"--config.{key}={row[key]}" for key in keys] for row in csv.DictReader(file)]
        starts = [
            _seconds("train", *of_train, *point, f"--workdir={folder}/run-{number}")
            for number, point in enumerate(points)
        ]
    print(f"{len(points)} points: {one:.1f} s in one process, {sum(starts):.1f} s in {len(points)} starts")


def _seconds(script: str, *flags: str) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, SCRIPTS / f"{script}.py", *flags], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started


if __name__ == "__main__":
    cli.run(main)
