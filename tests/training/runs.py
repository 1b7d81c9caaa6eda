"""Comparing what two runs left behind."""

import csv

from tests.torture import outcome


def rows(workdir):
    with (workdir / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def timeless(workdir):
    return outcome.metrics(workdir), outcome.summary(workdir)


def state_bytes(workdir):
    """Every array of the latest checkpoint, as it lies there."""
    return {path: leaf.tobytes() for path, leaf in outcome.state(workdir).items()}


def state_arrays(workdir):
    """`model` and `optimizer` of the latest checkpoint, each as path -> array."""
    arrays = {"model": {}, "optimizer": {}}
    for path, leaf in outcome.state(workdir).items():
        part, _, below = path.partition("/")
        arrays[part][below] = leaf
    return arrays
