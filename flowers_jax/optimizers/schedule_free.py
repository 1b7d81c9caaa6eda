"""Schedule-free AdamW: the weights that predict are a mean over the steps, in place of a falling learning rate."""

from typing import Any

import jax
import optax
from optax.contrib import ScheduleFreeState, schedule_free, schedule_free_eval_params

from flowers_jax.config_key import ABOVE_ZERO, BELOW_ONE, Key, Rule, at_least
from flowers_jax.optimizers.registry import Optimizer, kernels, register

OPTIONS = {
    "b1": Key(0.9, Rule(lambda v: 0 < v < 1, "above 0 and below 1"), "share of the mean in the weights that train"),
    "b2": Key(0.999, BELOW_ONE, "share that the mean of the squared gradients keeps at each step"),
    "eps": Key(1e-8, ABOVE_ZERO, "added to the root of the mean square"),
    "warmup_steps": Key(0, at_least(0), "steps in which the learning rate rises from 0"),
}


def schedule_free_adamw(
    learning_rate: Any, *, weight_decay: float, b1: float, b2: float, eps: float, warmup_steps: int
) -> optax.GradientTransformation:
    """As `optax.contrib.schedule_free_adamw`, but only kernels decay.

    Source: Defazio et al. 2024, https://arxiv.org/abs/2405.15682.
    """
    rate = optax.warmup_constant_schedule(0.0, learning_rate, warmup_steps) if warmup_steps else learning_rate
    step = optax.chain(
        optax.scale_by_rms(b2, eps, eps_in_sqrt=False, bias_correction=True),
        optax.add_decayed_weights(weight_decay, mask=kernels),
        optax.scale_by_learning_rate(rate),
    )
    return schedule_free(step, rate, b1)


def eval_params(opt_state: Any, params: Any) -> Any:
    """The mean of the weights over the steps."""

    def is_own(node: Any) -> bool:
        return isinstance(node, ScheduleFreeState)

    (state,) = [node for node in jax.tree.leaves(opt_state, is_leaf=is_own) if is_own(node)]
    return schedule_free_eval_params(state, params)


register(Optimizer("schedule_free_adamw", schedule_free_adamw, OPTIONS, decays=True, eval_params=eval_params))
