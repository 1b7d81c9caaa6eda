"""Parts of a run that stand outside the package: an optimizer, a loss, a metric, a schedule, an augmentation."""

import jax
import jax.numpy as jnp
import optax

from flowers_jax.config_key import Key, at_least
from flowers_jax.metrics import Metric
from flowers_jax.optimizers import Optimizer


def _heavy_ball(learning_rate, *, momentum):
    return optax.sgd(learning_rate, momentum)


HEAVY_BALL = Optimizer("heavy_ball", _heavy_ball, {"momentum": Key(0.5, at_least(0), "of the last update")})


def squared_error(logits, targets):
    return jnp.square(jax.nn.softmax(logits) - targets).sum(-1)


def _worst_class(logits, labels):
    right = logits.argmax(-1) == labels
    return min(float(right[labels == label].mean()) for label in set(labels.tolist()))


WORST_CLASS = Metric("worst_class", _worst_class)


def halves(config, steps_per_epoch, warmup):
    del config, warmup
    return optax.exponential_decay(1.0, steps_per_epoch, 0.5, staircase=True)


def darker(key, image):
    return image * jax.random.uniform(key, (), minval=0.5)
