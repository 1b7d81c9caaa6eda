"""The models by name, and all that the rest of the program asks of one.

A model is one file or folder that ends in one registration:

    register(ModelSpec("my_model", MyModule, groups=groups("stem", "stage_1", "head"), features=before("head")))

A model outside the package is registered nowhere: `--config.model.name=my_package.my_module:SPEC`, or
`path/to/file.py:SPEC`, names its `ModelSpec`. The module is any `flax.linen.Module` with `__call__(x, train)` from
normalised images [B, H, W, 3] to logits [B, classes]. See docs/extending.md.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import flax.linen as nn

from flowers_jax.config_key import Key
from flowers_jax.errors import UsageError
from flowers_jax.models.features import FeatureSplit
from flowers_jax.models.groups import HEAD, Groups
from flowers_jax.models.weights.pretrained import Importer
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.registry import Registry

Options = Mapping[str, Any]
"""A model's own settings by name: `config.model.options`."""


WHOLE_SQUARE = Preprocessing(224, "crop", 1.0)


@dataclass(frozen=True)
class ModelSpec:
    """A model, as the program knows it.

    Attributes:
        name: of `--config.model.name`, and in messages.
        build: `build(num_classes=..., **fields) -> nn.Module`: the module's class, or a function. Of the program's own
            fields (`dtype`, `axis_name`, `convolution`, `dropout`) it gets those that it takes, and all `options`.
        options: the model's own settings, `--config.model.options.NAME`: default, rule and help of each.
        preprocessing: what the model wants its input to be, at any size, where no weights say so.
        smallest_size: height and width in pixels below which it cannot work.
        fixed_size: from the options to what makes its parameters depend on the size of images; "" where nothing does.
        weights: where its pretrained weights come from; None where there are none.
        groups: its parameters from the input to the head. One group, the head, means that nothing can freeze.
        features: how its features are computed before the head; None where they cannot be kept.
        idle_options: from a value of `config.model.freeze` to the options that change nothing then.
    """

    name: str
    build: Callable[..., nn.Module]
    options: Mapping[str, Key] = field(default_factory=dict)
    preprocessing: Preprocessing = WHOLE_SQUARE
    smallest_size: int = 1
    fixed_size: Callable[[Options], str] = lambda options: ""  # noqa: ARG005
    weights: Importer | None = None
    groups: Groups = (HEAD,)
    features: FeatureSplit | None = None
    idle_options: Callable[[str], Collection[str]] = lambda freeze: ()  # noqa: ARG005

    def takes(self, name: str) -> bool:
        """Whether `build` takes a field of that name."""
        parameters = inspect.signature(self.build).parameters
        return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

    def importer(self, weights: str) -> Importer | None:
        """What gives the model its first weights; None where `config.model.weights` or the model has none."""
        return None if weights == "none" else self.weights

    def replica(self, num_classes: int, axis_name: str, fields: Mapping[str, Any]) -> nn.Module:
        """The module as each device of several runs it: with the mapped axis, where it takes one."""
        axis = {"axis_name": axis_name} if self.takes("axis_name") else {}
        return self.module(num_classes, **fields, **axis)

    def module(self, num_classes: int, **fields: Any) -> nn.Module:
        """The module with these fields.

        Raises:
            UsageError: a field that it does not have, or a value that it refuses.
        """
        try:
            return self.build(num_classes=num_classes, **fields)
        except (TypeError, ValueError) as error:
            raise UsageError(f"model {self.name!r}: {error}") from error


def _of_module(name: str, found: Any) -> ModelSpec | None:
    """A model from outside that is only a class of Flax."""
    return ModelSpec(name, found) if isinstance(found, type) and issubclass(found, nn.Module) else None


MODELS = Registry("model.name", ModelSpec, _of_module, also="a flax.linen.Module")
register, find = MODELS.register, MODELS.find


def create(name: str, num_classes: int, **kw: Any) -> nn.Module:
    """The module of that name; `kw` are its own fields (`alpha`, `head`, `dtype`, ...).

    Raises:
        UsageError: no such model, or a field that it does not have.
    """
    return find(name).module(num_classes, **kw)
