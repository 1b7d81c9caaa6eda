"""The parts of a run that a configuration names: models, optimizers, losses, metrics and others.

A part of the package is one file that ends in `register(...)`. A part from outside is registered nowhere: its name is
`my_package.my_module:NAME` or `path/to/file.py:NAME`.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from flowers_jax import outside
from flowers_jax.errors import UsageError, nearest

GIVEN = "given"
"""The name of a part that is an object of Python, which `fit` takes in place of a name."""


T = TypeVar("T")


def absent(*_: Any, **__: Any) -> Any:
    """What a part of the name `GIVEN` does. Nothing calls it: `fit` asks for the object before."""
    raise RuntimeError("an object of Python was not given")


def of_function(kind: Callable[[str, Any], T]) -> Callable[[str, Any], T | None]:
    """For `Registry`: a function from outside alone makes a part, `kind(name, function)`."""
    return lambda name, found: kind(name, found) if callable(found) else None


class Registry(dict[str, T], Generic[T]):
    """The parts of one kind by name.

    Args:
        key: the configuration key whose values are these names.
        kind: the class of the parts, each of which has a `name`.
        adapt: from a name and something from outside that is not of `kind` to a part, or None.
        also: what else than a `kind` may stand outside, for messages.
        given: what the name `GIVEN` stands for; None where objects of Python are not possible.
    """

    def __init__(
        self,
        key: str,
        kind: type[T],
        adapt: Callable[[str, Any], T | None] = lambda name, found: None,  # noqa: ARG005
        also: str = "",
        given: T | None = None,
    ):
        super().__init__()
        self.key, self.kind, self.adapt, self.also, self.given = key, kind, adapt, also, given

    def register(self, part: T) -> T:
        """Make a part of the package known by its `name`.

        Raises:
            ValueError: another one has the name.
        """
        name: str = vars(part)["name"]
        if name in self:
            raise ValueError(f"there is a {self.kind.__name__} {name!r} already")
        self[name] = part
        return part

    def find(self, name: str) -> T:
        """The part of that name. The code of one from outside the package runs.

        Raises:
            UsageError: there is none of that name, or it cannot be imported.
        """
        if outside.is_outside(name):
            found = outside.load(name, self.key)
            part = found if isinstance(found, self.kind) else self.adapt(name, found)
            if part is None:
                kinds = f"{self.kind.__name__}{self.also and f', or {self.also}'}"
                raise UsageError(f"--config.{self.key}={name}: is a {type(found).__name__}; give a {kinds}")
            return part
        if name == GIVEN and self.given is not None:
            return self.given
        if name not in self:
            raise UsageError(
                f"--config.{self.key}={name}: must be one of {', '.join(self)}, or MODULE:NAME or FILE.py:NAME"
                f"{nearest(name, self)}"
            )
        return self[name]
