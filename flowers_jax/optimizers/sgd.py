"""Stochastic gradient descent with momentum."""

from typing import Any

import optax

from flowers_jax.config_key import ANY, BELOW_ONE, Key
from flowers_jax.optimizers.registry import Optimizer, kernels, register

OPTIONS = {
    "momentum": Key(0.9, BELOW_ONE, "share of the last update that is added to the gradient; 0: none"),
    "nesterov": Key(False, ANY, "use Nesterov momentum"),
}


def sgd(learning_rate: Any, *, weight_decay: float, momentum: float, nesterov: bool) -> optax.GradientTransformation:
    """Weight decay is added to the gradient, as in `torch.optim.SGD`.

    Source: Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html.
    """
    step = optax.sgd(learning_rate, momentum or None, nesterov)
    return optax.chain(optax.add_decayed_weights(weight_decay, mask=kernels), step)


register(Optimizer("sgd", sgd, OPTIONS, decays=True))
