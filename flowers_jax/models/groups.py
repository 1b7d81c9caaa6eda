"""Which parameters of a model belong together, from its input to its head.

One list of groups decides what freezes, how rates fall from layer to layer, what the head is, and how the banner names
the parts.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from flax import traverse_util

from flowers_jax.errors import UsageError


class Group(NamedTuple):
    """Parameters that freeze together.

    Attributes:
        name: how `config.model.freeze` calls it.
        layers: paths below `params`, from the input up. Each one is a layer for `config.optimizer.layer_decay`.
    """

    name: str
    layers: tuple[str, ...]


Groups = tuple[Group, ...]
"""In the order of the network. The last one is the head; those before it are the backbone."""

HEAD = Group("head", ("head",))


def groups(*names: str) -> Groups:
    """One group for each submodule of that name, from the input to the head."""
    return tuple(Group(name, (name,)) for name in names)


def freezes(groups: Groups) -> tuple[str, ...]:
    """The values that `config.model.freeze` may have: nothing, the groups up to the one named, all but the head."""
    *below, _ = ["none", *(group.name for group in groups[:-1])]
    return (*below, "backbone") if below else ("none",)


def frozen_paths(groups: Groups, freeze: str) -> tuple[str, ...]:
    """The paths below `params` that do not train; `freeze` is one of `freezes(groups)`."""
    if freeze == "none":
        return ()
    names = [group.name for group in groups[:-1]]
    count = len(names) if freeze == "backbone" else names.index(freeze) + 1
    return tuple(layer for group in groups[:count] for layer in group.layers)


def is_below(path: str, layers: Collection[str]) -> bool:
    """Whether a path lies at or below one of `layers`."""
    return any(f"{path}/".startswith(f"{layer}/") for layer in layers)


def is_head(groups: Groups, path: str) -> bool:
    """Whether a parameter belongs to the head."""
    return is_below(path, groups[-1].layers)


def group_of(groups: Groups, path: str) -> str:
    """The name of a parameter's group; of a model without a backbone, the parameter's topmost module."""
    return next((group.name for group in groups if is_below(path, group.layers)), path.split("/")[0])


def layers_above(groups: Groups, path: str) -> int:
    """How many layers of the backbone stand at a parameter and above it; 0 in the head."""
    layers = [layer for group in groups[:-1] for layer in group.layers]
    return next((len(layers) - index for index, layer in enumerate(layers) if is_below(path, (layer,))), 0)


def without_head(groups: Groups, tree: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of `params` or `batch_stats` that do not belong to the head, as a nested dict."""
    flat: dict[str, Any] = traverse_util.flatten_dict(tree, sep="/")
    return traverse_util.unflatten_dict(
        {path: leaf for path, leaf in flat.items() if not is_head(groups, path)}, sep="/"
    )


def check_groups(name: str, groups: Groups, params: Mapping[str, Any]) -> None:
    """The groups of a model with a backbone hold every parameter, and each group holds one.

    Raises:
        UsageError: they do not; names the first parameter or group.
    """
    if len(groups) == 1:
        return
    paths: list[str] = list(traverse_util.flatten_dict(params, sep="/"))
    for path in paths:
        if not any(is_below(path, group.layers) for group in groups):
            raise UsageError(f"--config.model.name={name}: no group of its ModelSpec holds the parameter {path}")
    for group in groups:
        if not any(is_below(path, group.layers) for path in paths):
            raise UsageError(
                f"--config.model.name={name}: the group {group.name} of its ModelSpec holds no parameter; its layers "
                f"are {', '.join(group.layers)}, and the parameters begin with {', '.join(sorted(params))}"
            )
