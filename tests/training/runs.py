"""Comparing what two runs left behind."""

import csv
import json

import jax
import numpy as np
import orbax.checkpoint as ocp

from flowers_jax.run.checkpoint import Checkpoints

TIMES = ("images_per_second", "data_wait_seconds", "seconds")


def rows(workdir):
    with (workdir / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def timeless(workdir):
    summary = json.loads((workdir / "summary.json").read_text())
    return (
        [{k: v for k, v in row.items() if k not in TIMES} for row in rows(workdir)],
        {k: v for k, v in summary.items() if k not in TIMES},
    )


def state_bytes(workdir):
    """Every array of the latest checkpoint, as it lies there."""
    checkpoints = Checkpoints(workdir)
    number = checkpoints.latest()
    manager = checkpoints._manager
    item = {name: manager.restore(number, args=_standard(name))[name] for name in ("model", "optimizer")}
    return jax.tree.map(lambda leaf: np.asarray(leaf).tobytes(), item)


def _standard(name):
    return ocp.args.Composite(**{name: ocp.args.StandardRestore()})
