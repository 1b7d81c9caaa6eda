"""The data of a phase: photographs, or features of a frozen backbone."""

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from flowers_jax.augment import Augment, stored
from flowers_jax.config_types import Config
from flowers_jax.data.loader import SplitArrays, in_order
from flowers_jax.evaluation.predict import make_head_predictor, make_predictor, predict_all
from flowers_jax.runtime import parallel
from flowers_jax.training.features import FeatureCache, evaluation_views, training_views
from flowers_jax.training.phases import Phase
from flowers_jax.training.photographs import split_arrays
from flowers_jax.training.setup import Job
from flowers_jax.training.state import Tree
from flowers_jax.types import HostLogits


class PhaseData(NamedTuple):
    """The data of a phase.

    Attributes:
        training: one part for each view; epochs use them in turn.
        logits: from variables and `train`, `validation` or `test` to the logits [N, classes] and the labels.
    """

    training: Sequence[SplitArrays]
    logits: Callable[[Tree, str], tuple[HostLogits, np.ndarray]]


def make_phase_data(config: Config, job: Job, phase: Phase, variables: Tree, augment: Augment) -> PhaseData:
    """The data of `phase`; `variables` hold the backbone if the phase trains on features."""
    if not phase.on_features:
        training = split_arrays(config, job.dataset, "train", stored(job.preprocessing, augment))
        return PhaseData([training], _photograph_logits(config, job))
    cache = FeatureCache(config, job.dataset, job.spec, job.module, variables, job.preprocessing, job.devices)
    predict = make_head_predictor(phase.module, job.devices)

    @functools.cache
    def views(split: str) -> list[SplitArrays]:
        return [cache.part(split, view) for view in evaluation_views(config)]

    def logits(variables: Tree, split: str) -> tuple[HostLogits, np.ndarray]:
        every = [_logits(partial(predict, variables), part, config, job) for part in views(split)]
        return sum(every[1:], start=every[0]) / np.float32(len(every)), views(split)[0].labels

    return PhaseData([cache.part("train", view) for view in training_views(config, augment)], logits)


def _photograph_logits(config: Config, job: Job) -> Callable[[Tree, str], tuple[HostLogits, np.ndarray]]:
    """Logits from the photographs, which are decoded once."""
    predict = make_predictor(job.module, job.preprocessing, job.devices, flip=config.evaluation.flip)
    decoded = functools.cache(lambda split: split_arrays(config, job.dataset, split, job.preprocessing))

    def logits(variables: Tree, split: str) -> tuple[HostLogits, np.ndarray]:
        part = decoded(split)
        return _logits(partial(predict, variables), part, config, job), part.labels

    return logits


def _logits(predict: Callable[[np.ndarray], HostLogits], part: SplitArrays, config: Config, job: Job) -> HostLogits:
    """Every process computes those of its rows, and has all of them."""
    own = parallel.own_rows(job.devices, config.batch_size)
    return predict_all(predict, in_order(part, config.batch_size, own), len(part.labels))
