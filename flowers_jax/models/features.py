"""A model as a backbone, whose features are computed once, and a head that trains on them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax.linen.module import InterceptorContext
from jaxtyping import Array

from flowers_jax.errors import UsageError
from flowers_jax.models.groups import Groups, is_below, without_head
from flowers_jax.models.initial import shapes

Variables = Mapping[str, Any]
"""`params` and `batch_stats`."""


class FeatureSplit(NamedTuple):
    """Where a model's features come out, and what its head makes of them.

    Attributes:
        features: (module, variables, normalised images [B, H, W, 3]) -> features [B, F]. The variables need not hold
            those of the head.
        head: (module, size of the images in pixels) -> what is applied as the module is, but to features:
            `apply(variables, features [B, F], train=..., mutable=..., rngs=...)` -> logits [B, classes].
    """

    features: Callable[[nn.Module, Variables, Array], Array]
    head: Callable[[nn.Module, int], Any]


BY_ARGUMENT = FeatureSplit(
    features=lambda module, variables, images: module.apply(variables, images, output="features"),  # type: ignore[arg-type]
    head=lambda module, size: module,  # noqa: ARG005
)
"""Of a module that gives its features with `output="features"`, and takes features [B, F] in place of images."""


def before(name: str) -> FeatureSplit:
    """Of any module whose last submodule is `name`: its features are what that submodule is given.

    What the module computes behind that submodule would be lost, and `check_split` refuses it.
    """

    def features(module: nn.Module, variables: Variables, images: Array) -> Array:
        try:
            with _stopped_at(name):
                module.apply(variables, images, train=False)
        except _Reached as reached:
            return reached.args[0].inputs[0]
        raise _not_called(module, name)

    return FeatureSplit(features, lambda module, size: Head(module, name, size))


@dataclass(frozen=True)
class Head:
    """The submodule `name` of a module by itself.

    Attributes:
        size: of images that the module takes, in pixels.
    """

    module: nn.Module
    name: str
    size: int

    def apply(
        self, variables: Variables, features: Array, train: bool = False, mutable: Any = False, **how: Any
    ) -> Any:
        """The logits of features [B, F], and with `mutable` whole collections, as `flax.linen.Module.apply`."""
        call = self._call(train)
        own = {collection: tree[self.name] for collection, tree in variables.items() if self.name in tree}
        done = call.module.apply(own, features, *call.inputs[1:], mutable=mutable, **call.options, **how)
        if mutable is False:
            return done
        logits, updated = done
        return logits, {key: dict(variables[key]) | {self.name: tree} for key, tree in updated.items()}

    def _call(self, train: bool) -> "_Call":
        """How the module calls it."""
        try:
            with _stopped_at(self.name):
                shapes(self.module, self.size, train=train)
        except _Reached as reached:
            call = reached.args[0]
            return call._replace(module=call.module.clone(parent=None, name=None))
        raise _not_called(self.module, self.name)


class _Call(NamedTuple):
    """A call of a submodule."""

    module: nn.Module
    inputs: tuple[Any, ...]
    options: dict[str, Any]


class _Reached(Exception):  # noqa: N818 (it is no error)
    """The submodule is called; the only argument is its `_Call`."""


@contextmanager
def _stopped_at(name: str) -> Iterator[None]:
    def stop(call: Any, args: tuple[Any, ...], kwargs: dict[str, Any], context: InterceptorContext) -> Any:
        if context.method_name == "__call__" and context.module.path == (name,):
            raise _Reached(_Call(context.module, args, kwargs))
        return call(*args, **kwargs)

    with nn.intercept_methods(stop):
        yield


def _not_called(module: nn.Module, name: str) -> UsageError:
    return UsageError(f"ModelSpec.features: {type(module).__name__} calls no submodule {name!r}, so it has no features")


def check_split(name: str, split: FeatureSplit, groups: Groups, module: nn.Module, variables: Any, size: int) -> None:
    """Head and features together train and predict as the module does, as far as one image of noise tells.

    Raises:
        UsageError: the module computes something behind the submodule that is said to be its head, or drops something
            before it, which kept features would lose.
    """
    if dropout := _dropout_outside_of(groups, module, size):
        raise UsageError(
            f"--config.model.name={name}: its nn.Dropout {dropout} stands before the head, so kept features "
            "would be trained on without it; make it a part of the head's submodule, or give --config.transfer.views=0"
        )
    image = jax.random.normal(jax.random.key(0), (1, size, size, 3))
    backbone = {collection: without_head(groups, tree) for collection, tree in variables.items()}

    @jax.jit
    def both(image: Array) -> tuple[Any, Any]:
        features = split.features(module, backbone, image)
        if features.ndim != 2:
            raise UsageError(f"--config.model.name={name}: its features have shape {features.shape}, not [B, F]")
        return module.apply(variables, image, train=False), split.head(module, size).apply(variables, features)

    whole, divided = both(image)
    if not np.allclose(whole, divided, rtol=1e-3, atol=1e-3):
        raise UsageError(
            f"--config.model.name={name}: its ModelSpec.features leaves out a part of the model: the head makes other "
            "logits of the features than the whole model; give a submodule that ends it, or --config.transfer.views=0"
        )


def _dropout_outside_of(groups: Groups, module: nn.Module, size: int) -> str:
    """The path of an `nn.Dropout` that drops in training and belongs to no group, head or backbone; "" of none."""
    found: list[str] = []
    layers = [layer for group in groups for layer in group.layers]

    def record(call: Any, args: tuple[Any, ...], kwargs: dict[str, Any], context: InterceptorContext) -> Any:
        path = "/".join(context.module.path)
        if isinstance(context.module, nn.Dropout) and context.module.rate and not is_below(path, layers):
            found.append(path)
        return call(*args, **kwargs)

    with nn.intercept_methods(record):
        shapes(module, size, train=True)
    return next(iter(found), "")
