"""Peak memory and seconds to the first step of a training whose decoded photographs stream from a file.

python -m benchmarks.streaming COUNT [COUNT ...]

Drawn JPEGs of 192x144 in ten classes, decoded to 128x128; the course's CNN trains one epoch in batches of 64. The
second start is a new run with the same photographs. Each start is a process of its own and prints a line of JSON.
Everything is in a temporary folder, which is removed.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flowers_jax import base_config
from flowers_jax.runtime import progress
from flowers_jax.training.loop import fit
from flowers_jax.training.trainer import Trainer

CLASSES = 10


def draw(folder: Path, count: int) -> None:
    """So many JPEGs, none of which looks like another."""
    for name in range(CLASSES):
        (folder / str(name)).mkdir(parents=True)
    for number in range(count):
        blobs = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
        picture, stream = Image.fromarray(blobs).resize((192, 144), Image.Resampling.BICUBIC), io.BytesIO()
        picture.save(stream, "JPEG", quality=85)
        (folder / str(number % CLASSES) / f"{number}.jpg").write_bytes(stream.getvalue())


def start(folder: str, workdir: str) -> dict[str, object]:
    """Train one epoch in this process."""
    config, began = base_config.get_config(), time.monotonic()
    config.data.dir, config.data.image_size, config.data.cache = folder, 128, "disk"
    config.epochs, config.batch_size, config.devices = 1, 64, 1
    config.model.name, config.model.weights, config.model.freeze = "seed_cnn", "none", "none"
    config.logging.report = config.logging.tensorboard = False
    first: list[float] = []
    add = Trainer._add

    def timed(self: Trainer, steps: int, wait: float, on_device: dict[str, Any]) -> None:
        first.append(time.monotonic() - began)
        add(self, steps, wait, on_device)

    Trainer._add = timed  # type: ignore[method-assign]
    with progress.quiet():
        summary = fit(config, workdir, print_test=False)
    status = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {
        "photographs": sum(len(files) for *_, files in os.walk(folder)), "seconds_to_first_step": round(first[0], 1),
        "seconds": round(summary["seconds"], 1), "peak_gigabytes": round(peak / 1e6, 2),
    }  # fmt: skip


def main(counts: list[int]) -> None:
    for count in counts:
        with tempfile.TemporaryDirectory() as temporary:
            draw(Path(temporary) / "photographs", count)
            for which in ("first", "second"):
                environment = os.environ | {"XDG_CACHE_HOME": f"{temporary}/cache"}
                inside = [f"{temporary}/photographs", f"{temporary}/{which}"]
                command = [sys.executable, "-m", "benchmarks.streaming", "--start", *inside]
                done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                print(json.dumps({"start": which} | json.loads(done.stdout.splitlines()[-1])), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--start":
        print(json.dumps(start(*sys.argv[2:])))
    else:
        main([int(count) for count in sys.argv[1:]])
