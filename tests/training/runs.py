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
    return jax.tree.map(lambda leaf: leaf.tobytes(), state_arrays(workdir))


def state_arrays(workdir):
    """`model` and `optimizer` of the latest checkpoint, each as path -> array."""
    checkpoints = Checkpoints(workdir)
    item = ocp.args.Composite(model=ocp.args.StandardRestore(), optimizer=ocp.args.StandardRestore())
    restored = checkpoints._manager.restore(checkpoints.latest(), args=item)
    leaves = jax.tree_util.tree_leaves_with_path({part: restored[part] for part in ("model", "optimizer")})
    arrays = {"model": {}, "optimizer": {}}
    for (part, *path), leaf in leaves:
        arrays[part.key][jax.tree_util.keystr(path, simple=True, separator="/")] = np.asarray(leaf)
    return arrays
