"""Where ReduceLROnPlateau cut the learning rate, from the rates of `metrics.csv`."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from flowers_jax import outside
from flowers_jax.config_types import Config
from flowers_jax.schedules import constant, make_schedule


def plateau_cuts(rows: Sequence[Mapping[str, Any]], config: Config, steps_per_epoch: int) -> list[int]:
    """The epochs that begin with a rate that the plateau has cut; what the schedule does is no cut.

    None where the schedule is code outside the package, which a report must not run.

    Args:
        rows: of `metrics.csv`: numbers, or their texts.
    """
    if outside.is_outside(config.schedule.name):
        return []
    schedule, cuts = make_schedule(config, steps_per_epoch), []
    for name, phase in groupby(rows, lambda row: row["phase"]):
        # A head that trains alone before the rest has a constant rate.
        factor = constant if name == "head" and config.model.freeze != "backbone" else schedule
        before = 0.0
        for number, row in enumerate(phase, start=1):
            scheduled = float(factor(number * steps_per_epoch - 1))  # the row has the rate of its last step
            if scheduled <= 0:
                continue
            rate = float(row["learning_rate"]) / scheduled
            if rate < before * 0.999:
                cuts.append(int(row["epoch"]))
            before = rate
    return cuts
