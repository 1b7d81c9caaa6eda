"""What values each key of a config may have, as tests and in words."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

METRICS = {"train_loss": "min", "train_accuracy": "max", "val_loss": "min", "val_accuracy": "max"}
"""The columns of `metrics.csv` that may be monitored, each with what is better: the least value or the largest."""


MOST_SIDE = 2048
"""Pixels of the side of an image, as the model sees it and as it is kept."""


class Rule(NamedTuple):
    """What a value must be, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


class Key(NamedTuple):
    """A setting: its default, what it must be, and what `--help` says of it."""

    default: Any
    rule: Rule
    help: str


def one_of(*values: Any) -> Rule:
    return Rule(lambda v: v in values, "one of " + ", ".join(map(str, values)))


def _at_least(least: float) -> Rule:
    return Rule(lambda v: least <= v < math.inf, f"at least {least}")


_ABOVE_ZERO = Rule(lambda v: 0 < v < math.inf, "above 0 and finite")
_ANY = Rule(lambda _: True, "anything")
_METRIC = one_of(*METRICS)
BELOW_ONE = Rule(lambda v: 0 <= v < 1, "at least 0 and below 1")
_SHARE = Rule(lambda v: 0 <= v <= 1, "from 0 to 1")
_LOW_HIGH = Rule(
    lambda v: len(v) == 2 and 0 <= v[0] <= v[1] < math.inf, "two numbers of at least 0, the second not the smaller"
)


def _is_number_or_none(text: str) -> bool:
    try:
        return text == "none" or math.isfinite(float(text))
    except ValueError:
        return False


RULES: dict[str, Rule] = {
    "seed": Rule(lambda v: 0 <= v < 2**32, "from 0 to 4294967295"),
    "epochs": _at_least(1),
    "batch_size": Rule(lambda v: 1 <= v <= 65536, "at least 1 and at most 65536"),
    "learning_rate": _ABOVE_ZERO,
    "precision": one_of("auto", "float32", "bfloat16"),
    "devices": _at_least(0),
    "data.name": one_of("auto", "tf_flowers", "flower_species", "procedural"),
    "data.dir": _ANY,
    "data.image_size": Rule(lambda v: 4 <= v <= MOST_SIDE, f"at least 4 and at most {MOST_SIDE}"),
    "data.crop": _SHARE,
    "data.normalize": one_of("auto", "rescale", "samplewise", "featurewise"),
    "data.split": Rule(
        lambda v: len(v) == 3 and all(f >= 0 for f in v) and v[0] > 0 and v[1] > 0 and abs(sum(v) - 1) < 1e-6,
        "three fractions (train, validation, test) that sum to 1, the first two above 0",
    ),
    "data.seed": Rule(lambda v: -1 <= v < 2**32, "from -1 (as seed) to 4294967295"),
    "data.folds": Rule(lambda v: v == 0 or 2 <= v <= 100, "0, or from 2 to 100"),
    "data.fold": _at_least(1),
    "data.max_pixels": _at_least(1),
    "data.group_similar": _ANY,
    "data.follow_links": _ANY,
    "data.cache": one_of("memory", "disk"),
    "data.workers": _at_least(0),
    "model.name": _ANY,  # `models.find` says which
    "model.weights": Rule(lambda v: v != "", "auto, none or a file"),
    "model.convolution": one_of("auto", "fast", "xla", "reference"),
    "model.freeze": _ANY,  # the groups of the model say what
    "model.batch_norm": one_of("auto", "batch", "stored"),
    "model.dropout": BELOW_ONE,
    "transfer.epochs": _at_least(0),
    "transfer.learning_rate": _ABOVE_ZERO,
    "transfer.views": Rule(lambda v: 0 <= v <= 100, "from 0 to 100"),
    "optimizer.weight_decay": _at_least(0),
    "optimizer.head_multiplier": _ABOVE_ZERO,
    "optimizer.layer_decay": Rule(lambda v: 0 < v <= 1, "above 0 and at most 1"),
    "optimizer.ema": BELOW_ONE,
    "optimizer.label_smoothing": BELOW_ONE,
    "evaluation.flip": _ANY,
    "augment.horizontal_flip": _ANY,
    "augment.vertical_flip": _ANY,
    "augment.rotation_range": _at_least(0),
    "augment.width_shift_range": _at_least(0),
    "augment.height_shift_range": _at_least(0),
    "augment.documented_shifts": _ANY,
    "augment.shear_range": Rule(lambda v: 0 <= v < 90, "at least 0 and below 90"),
    "augment.zoom_range": Rule(
        lambda v: (len(v) == 1 and 0 <= v[0] < 1) or (len(v) == 2 and 0 < v[0] <= v[1] < math.inf),
        "one number from 0 to below 1, or two above 0 of which the second is not the smaller",
    ),
    "augment.brightness_range": _LOW_HIGH,
    "augment.channel_shift_range": _at_least(0),
    "augment.fill_mode": one_of("nearest", "constant", "reflect", "wrap"),
    "augment.cval": Rule(lambda v: 0 <= v <= 255, "from 0 to 255"),
    "augment.interpolation_order": Rule(lambda v: v in (0, 1), "0 or 1"),
    "augment.crop_scale": Rule(
        lambda v: len(v) == 2 and 0 < v[0] <= v[1] <= 1, "two shares above 0, at most 1, the second not the smaller"
    ),
    "augment.crop_size": Rule(lambda v: v == 0 or 4 <= v <= MOST_SIDE, f"0, or at least 4 and at most {MOST_SIDE}"),
    "augment.color_jitter": Rule(
        lambda v: len(v) == 4 and all(0 <= s < math.inf for s in v) and v[3] <= 0.5,
        "four strengths (brightness, contrast, saturation, hue) of at least 0, hue at most 0.5",
    ),
    "augment.rand_augment_layers": _at_least(0),
    "augment.rand_augment_magnitude": Rule(lambda v: 0 <= v <= 30, "from 0 to 30"),
    "augment.random_erasing": _SHARE,
    "augment.mixup": _at_least(0),
    "augment.cutmix": _at_least(0),
    "schedule.name": one_of("constant", "cosine", "piecewise", "exponential"),
    "schedule.warmup_epochs": _at_least(0),
    "schedule.epochs": _at_least(0),
    "schedule.final": _SHARE,
    "schedule.boundaries": Rule(
        lambda v: all(0 < a < math.inf for a in v) and list(v) == sorted(set(v)), "rising epochs"
    ),
    "schedule.factor": Rule(lambda v: 0 < v <= 1, "above 0 and at most 1"),
    "plateau.monitor": _METRIC,
    "plateau.factor": Rule(lambda v: 0 < v < 1, "above 0 and below 1"),
    "plateau.patience": _at_least(0),
    "plateau.min_delta": _at_least(0),
    "plateau.cooldown": _at_least(0),
    "plateau.min_lr": _at_least(0),
    "early_stopping.monitor": _METRIC,
    "early_stopping.patience": _at_least(0),
    "early_stopping.min_delta": _at_least(0),
    "early_stopping.start_from_epoch": _at_least(0),
    "early_stopping.baseline": Rule(_is_number_or_none, "none or a number"),
    "checkpoint.monitor": _METRIC,
    "checkpoint.use": one_of("best", "last"),
    "checkpoint.every_steps": _at_least(0),
    "checkpoint.every_minutes": _at_least(0),
    "checkpoint.keep": _at_least(2),
}
