"""Refuses settings that have no effect in this run, in one line at its start.

A value that agrees with what happens anyway is allowed: `model.batch_norm=stored` with a frozen backbone, or
`augment.horizontal_flip=False` without augmentation. A default is always allowed.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from flowers_jax import augment, models
from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.schedules import SCHEDULES, find


class Unread(NamedTuple):
    """Keys that have no effect if `holds(config)`; `where` says this in words."""

    keys: tuple[str, ...]
    holds: Callable[[Config], bool]
    where: str


def check_unread(config: Config) -> None:
    """Refuse the first key of `TABLE` that is set and has no effect.

    Raises:
        UsageError: names the key, its value, the reason, and the default.
    """
    for row in TABLE:
        if row.holds(config):
            only_defaults(config, row.keys, f"changes nothing {row.where}")
    idle = models.find(config.model.name).idle_options(config.model.freeze)
    only_defaults(
        config,
        [f"model.options.{name}" for name in idle],
        f"changes nothing where --config.model.freeze={config.model.freeze} freezes all that it acts on",
    )


def only_defaults(config: Config, keys: Iterable[str], why: str) -> None:
    """Refuse values of these keys other than the default.

    Raises:
        UsageError: a key has another value.
    """
    default, given = config_lib.defaults_of(config), config_lib.flatten(config)
    for key in keys:
        if given[key] != default[key]:
            value, right = config_lib.text_of(given[key]), config_lib.text_of(default[key]) or "nothing"
            raise UsageError(f"--config.{key}={value}: {why}; give {right}")


def _head_alone(config: Config) -> bool:
    return config.model.freeze == "backbone"


def _plain_view_only(config: Config) -> bool:
    return _head_alone(config) and config.transfer.views == 1


def _moves_nothing(config: Config) -> bool:
    return not augment.from_config(config).generator.moves_pixels


def _only_with(key: str) -> Unread:
    """A key of `config.schedule` that some decays read and others do not."""
    names = [name for name, decay in SCHEDULES.items() if key in decay.reads]
    where = f"without --config.schedule.name={' or '.join(names)}"
    return Unread((f"schedule.{key}",), lambda c: key not in find(c.schedule.name).reads, where)


TABLE = (
    Unread(("data.fold",), lambda c: not c.data.folds, "without --config.data.folds"),
    Unread(
        ("data.csv_path", "data.csv_label", "data.csv_split", "data.csv_group"),
        lambda c: not c.data.csv,
        "without --config.data.csv",
    ),
    Unread(
        ("data.group_pattern", "data.follow_links"),
        lambda c: not (c.data.dir or c.data.csv),
        "without --config.data.dir or --config.data.csv",
    ),
    Unread(
        ("data.group_similar", "data.max_pixels"),
        lambda c: bool(c.data.array),
        "with --config.data.array, whose photographs prepare.py has checked and divided",
    ),
    Unread(("transfer.learning_rate",), lambda c: not c.transfer.epochs, "without --config.transfer.epochs"),
    Unread(
        ("optimizer.head_multiplier", "optimizer.layer_decay"),
        _head_alone,
        "where --config.model.freeze=backbone leaves nothing but the head to train",
    ),
    Unread(
        ("model.batch_norm",),
        lambda c: _head_alone(c) and c.model.batch_norm == "batch",
        "where --config.model.freeze=backbone freezes every BatchNorm",
    ),
    Unread(
        tuple(name for name in config_lib.KEYS if name.startswith("augment.") and name != "augment.horizontal_flip"),
        _plain_view_only,
        "where --config.transfer.views=1 keeps each photograph as it is and no draw of the augmentation",
    ),
    Unread(
        ("augment.documented_shifts",),
        lambda c: not (c.augment.width_shift_range or c.augment.height_shift_range),
        "without --config.augment.width_shift_range or --config.augment.height_shift_range",
    ),
    Unread(
        ("augment.fill_mode", "augment.interpolation_order"),
        _moves_nothing,
        "without a rotation, shift, shear or zoom",
    ),
    Unread(
        ("augment.cval",),
        lambda c: _moves_nothing(c) or c.augment.fill_mode != "constant",
        "without --config.augment.fill_mode=constant and a rotation, shift, shear or zoom",
    ),
    Unread(
        ("augment.rand_augment_magnitude",),
        lambda c: not c.augment.rand_augment_layers,
        "without --config.augment.rand_augment_layers",
    ),
    *(_only_with(key) for key in dict.fromkeys(key for decay in SCHEDULES.values() for key in decay.reads)),
    Unread(
        ("schedule.name",),
        lambda c: c.schedule.name == "piecewise" and not c.schedule.boundaries,
        "without --config.schedule.boundaries=A,B,...",
    ),
)
"""Every key of `config_types` that another key can make ineffective, except those that depend on data (`setup`)."""
