"""The augmentations by name that `config.augment.name` adds to those with keys of their own.

An augmentation is a pure function `(key, image, **options) -> image` of one image: [H, W, 3], float32, 0 to 255.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
from jax import lax
from jaxtyping import Array, Float32
from jaxtyping import Key as PRNGKey

from flowers_jax import outside
from flowers_jax.config_key import Key
from flowers_jax.registry import GIVEN, Registry, absent, of_function
from flowers_jax.types import Picture


@dataclass(frozen=True)
class Augmentation:
    """An augmentation, as the program knows it.

    Attributes:
        name: of `config.augment.name`.
        function: see the module.
        options: its own settings, `config.augment.options`: default, rule and help of each.
        one_by_one: run it image by image, where `vmap` would compute every branch of a `lax.switch` for every image.
    """

    name: str
    function: Callable[..., Any]
    options: Mapping[str, Key] = field(default_factory=dict)
    one_by_one: bool = False


AUGMENTATIONS = Registry(
    "augment.name",
    Augmentation,
    of_function(Augmentation),
    also="a function (key, image)",
    given=Augmentation(GIVEN, absent),
)
register, find = AUGMENTATIONS.register, AUGMENTATIONS.find

NONE = register(Augmentation("none", lambda key, image: image))  # noqa: ARG005


@dataclass(frozen=True)
class Applied:
    """An augmentation with its options. Two are equal, and have one `repr`, if they change images alike.

    Attributes:
        code: SHA-256 of the file of code from outside the package; of an object of Python something that no other has.
    """

    name: str
    options: tuple[tuple[str, Any], ...]
    code: str
    augmentation: Augmentation = field(repr=False, compare=False)

    def __call__(
        self, keys: PRNGKey[Array, " batch"], images: Float32[Array, "batch height width 3"]
    ) -> Float32[Array, "batch height width 3"]:
        """Change each image with its key."""

        def one(key: PRNGKey[Array, ""], image: Picture) -> Picture:
            return self.augmentation.function(key, image, **dict(self.options))

        if self.augmentation.one_by_one:
            return lax.map(lambda pair: one(*pair), (keys, images))
        return jax.vmap(one)(keys, images)


def applied(name: str, options: Mapping[str, Any], given: Augmentation | None = None) -> Applied | None:
    """The augmentation of `config.augment.name`, or `given`, with its options; None where nothing changes."""
    if name == NONE.name:
        return None
    code = outside.sha256(name) if outside.is_outside(name) else uuid.uuid4().hex if name == GIVEN else ""
    return Applied(name, tuple(sorted(options.items())), code, given or find(name))
