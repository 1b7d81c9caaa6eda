"""The variables that a model starts with."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from flowers_jax.models.groups import without_head
from flowers_jax.models.weights import pretrained

QUICKLY = {"xla_backend_optimization_level": 0}
"""Options of a CPU. XLA would optimise a program for seconds that runs once, for milliseconds."""


def shapes(module: nn.Module, size: int, *, train: bool = False) -> dict[str, Any]:
    """Shapes and dtypes of a module's variables for images [size, size, 3]. Nothing is computed.

    Interceptors of `flax.linen` see every call of a submodule, as it is in training with `train`.
    """
    keys: Any = dict.fromkeys(("params", "dropout", "example"), jax.random.key(0))
    return dict(jax.eval_shape(lambda image: module.init(keys, image, train=train), jnp.zeros((1, size, size, 3))))


def initial_variables(
    module: nn.Module, size: int, key: Key[Array, ""], weights: pretrained.Weights | None = None, *, head: bool = False
) -> dict[str, Any]:
    """`params` and `batch_stats` (empty where there is no BatchNorm), float32, on the host.

    Args:
        size: height and width of the images, which a dense layer behind a flatten depends on.
        weights: the backbone's, which is then not drawn.
        head: take the classifier from them too.

    Raises:
        UsageError: the weights are of another network.
    """

    def init(key: Key[Array, ""], images: Array) -> dict[str, Any]:
        made = {"batch_stats": {}} | dict(module.init(key, images, train=False))
        if not weights:
            return made
        groups = weights.importer.groups
        return {name: tree | jax.tree.map(jnp.zeros_like, without_head(groups, tree)) for name, tree in made.items()}

    cpu = _cpu()
    with jax.default_device(cpu):
        program = jax.jit(init, compiler_options=QUICKLY if cpu else None)
        variables = jax.device_get(program(key, jnp.zeros((1, size, size, 3))))
    return pretrained.fill(variables, weights, head=head) if weights else variables


def _cpu() -> Any:
    """The device of a CPU, because a GPU's compiler takes 20 s for MobileNetV2; None where JAX_PLATFORMS has no CPU."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:
        return None
