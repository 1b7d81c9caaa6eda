"""What a key of a configuration is: a default, a rule for its values and one line of help."""

import math
from collections.abc import Callable
from dataclasses import field
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Rule(NamedTuple):
    """What a value must be, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


class Key(NamedTuple):
    """A key: its default, whose type every value has, what a value must be, and what `--help` says of it.

    Attributes:
        item: the type of the members of a value that is a tuple.
    """

    default: Any
    rule: Rule
    help: str
    item: type = float


def key(default: T, rule: Rule, help: str, item: type = float) -> T:
    """A field of a dataclass of `config_types`, whose metadata hold its `Key`."""
    declared: Any = field(default=default, metadata={"key": Key(default, rule, help, item)})
    return declared


def one_of(*values: Any) -> Rule:
    return Rule(lambda v: v in values, "one of " + ", ".join(map(str, values)))


def at_least(least: float) -> Rule:
    return Rule(lambda v: least <= v < math.inf, f"at least {least}")


ANY = Rule(lambda _: True, "anything")
ABOVE_ZERO = Rule(lambda v: 0 < v < math.inf, "above 0 and finite")
BELOW_ONE = Rule(lambda v: 0 <= v < 1, "at least 0 and below 1")
SHARE = Rule(lambda v: 0 <= v <= 1, "from 0 to 1")
