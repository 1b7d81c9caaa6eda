"""The first inputs that a run's model trains on, computed again from the seed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float32, UInt8

from flowers_jax.augment import Augment, stored
from flowers_jax.config_types import Config
from flowers_jax.data.decode import decode_for
from flowers_jax.data.loader import epoch_order
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime.parallel import AXIS
from flowers_jax.training.setup import Job
from flowers_jax.training.step import model_inputs

MOST = 16


class FirstBatch(NamedTuple):
    """The first images of the first batch that trains on photographs, with their target distributions over classes.

    Attributes:
        augmented: False where the backbone is frozen and its features are computed from plain photographs.
        epoch: that of the batch, from 1.
    """

    images: UInt8[np.ndarray, "shown size size 3"]
    targets: Float32[np.ndarray, "shown classes"]
    augmented: bool
    epoch: int


def first_batch(config: Config, job: Job) -> FirstBatch:
    """At most 16 inputs as `training.step.train_step` computes them, without the normalization of the model.

    A phase on features before the first on photographs is taken to have all its epochs.

    Raises:
        OSError, DecodeError: a photograph is gone or has changed.
    """
    epoch = 0
    for phase in job.phases:
        if not phase.on_features:
            break
        epoch += phase.epochs
    else:  # every phase
        images, labels, _ = _photographs(config, job, job.preprocessing, epoch=0, most=MOST)
        return FirstBatch(images, np.eye(len(job.dataset.classes), dtype=np.float32)[labels], False, epoch=1)
    # One more, because each input may be mixed with the next.
    images, labels, examples = _photographs(config, job, stored(job.preprocessing, job.augment), epoch, MOST + 1)
    batch = {"image": jnp.asarray(images)[None], "label": jnp.asarray(labels)[None]}
    step, classes = epoch * job.steps_per_epoch, len(job.dataset.classes)

    def inputs(batch: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        own = model_inputs(
            batch, jnp.int32(step), jnp.int32(examples), classes, job.preprocessing, job.augment, config.seed
        )
        return own.images, own.targets

    normalized, targets = jax.device_get(jax.jit(jax.vmap(inputs, axis_name=AXIS))(batch))
    shown = min(MOST, examples)
    pixels = _pixels(normalized[0, :shown], job.preprocessing)
    return FirstBatch(pixels, targets[0, :shown], job.augment != Augment(), epoch + 1)


def _photographs(
    config: Config, job: Job, preprocessing: Preprocessing, epoch: int, most: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """The first photographs of an epoch, uint8 [N, size, size, 3], their labels, and the size of its first batch."""
    training = [example for example in job.dataset.examples if example.split == "train"]
    order = epoch_order(len(training), config.seed, epoch)[: config.batch_size]
    chosen = [training[row] for row in order[:most]]
    images = [decode_for(job.dataset.read(one.path), preprocessing, config.data.max_pixels) for one in chosen]
    return np.stack(images), np.array([one.label for one in chosen], np.int32), len(order)


def _pixels(normalized: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """The inverse of `Preprocessing.normalize`; what has lost its range by `samplewise` gets that of all pixels."""
    if preprocessing.samplewise:
        low, high = (extreme(normalized, axis=(1, 2, 3), keepdims=True) for extreme in (np.min, np.max))
        pixels = (normalized - low) / np.maximum(high - low, 1e-6)
    else:
        pixels = normalized * np.array(preprocessing.std, np.float32) + np.array(preprocessing.mean, np.float32)
    return np.clip(np.round(255 * pixels), 0, 255).astype(np.uint8)
