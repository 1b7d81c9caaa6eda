"""The configuration as code reads it. Each key stands here once: type, default, rule and help.

`config.load` makes a `Config` of a config file, and checks it. A `Config` cannot be changed: `config.replace` gives
another one. On the command line a key is `--config.KEY=VALUE`, and `--help` prints what stands here.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowers_jax.config_key import ABOVE_ZERO, ANY, BELOW_ONE, SHARE, Rule, at_least, key, one_of

MOST_SIDE = 2048
"""Pixels of the side of an image, as the model sees it and as it is kept."""

MONITOR = "train_loss, train_accuracy, val_loss, or val_ and the name of a metric"
LOW_HIGH = Rule(
    lambda v: len(v) == 2 and 0 <= v[0] <= v[1] < math.inf, "two numbers of at least 0, the second not the smaller"
)


class UserKeys(dict[str, Any]):
    """A researcher's own keys: `config.user.KEY`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"config.user has no key {name!r}; it has {', '.join(self) or 'none'}") from None


def is_number_or_none(text: str) -> bool:
    try:
        return text == "none" or math.isfinite(float(text))
    except ValueError:
        return False


def are_weights(text: str) -> bool:
    """Whether a text is `none`, `balanced` or numbers above 0."""
    try:
        return text in ("none", "balanced") or all(0 < float(part) < math.inf for part in text.split(","))
    except ValueError:
        return False


def is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


NOT_EMPTY = Rule(lambda v: v != "", "a name")


@dataclass(frozen=True)
class Data:
    """Which photographs, how they are divided and how they are decoded."""

    name: str = key(
        "auto",
        ANY,
        "auto|tf_flowers|flower_species|procedural|tfds:NAME[/CONFIG][:VERSION], or MODULE:SOURCE or FILE.py:SOURCE of "
        "your own",
    )
    dir: str = key("", ANY, "folder of class folders, or of train/validation/test folders; wins over data.name")
    csv: str = key("", ANY, "CSV file of photographs, with paths relative to its folder; wins over data.name")
    array: str = key("", ANY, "file of scripts/prepare.py, with its parts; wins over data.name")
    csv_path: str = key("path", NOT_EMPTY, "the column of the paths")
    csv_label: str = key("label", NOT_EMPTY, "the column of the classes")
    csv_split: str = key("split", ANY, "the column of the parts; by this name it may be absent")
    csv_group: str = key("group", ANY, "the column of the groups; by this name it may be absent")
    group_pattern: str = key(
        "",
        Rule(is_pattern, "a regular expression of Python, as in plant(\\d+)_"),
        "regular expression on paths: what its parentheses match is the group, which is never in two parts",
    )
    image_size: int = key(
        224,
        Rule(lambda v: 4 <= v <= MOST_SIDE, f"at least 4 and at most {MOST_SIDE}"),
        "height and width in pixels that the model sees",
    )
    crop: float = key(
        0.0, SHARE, "central square that the model sees, as a share of the shorter side; 0: the weights' own"
    )
    normalize: str = key(
        "auto",
        one_of("auto", "rescale", "samplewise", "featurewise"),
        "auto|rescale|samplewise|featurewise; auto: what the model or its weights want",
    )
    split: tuple[float, float, float] = key(
        (0.8, 0.1, 0.1),
        Rule(
            lambda v: len(v) == 3 and all(f >= 0 for f in v) and v[0] > 0 and v[1] > 0 and abs(sum(v) - 1) < 1e-6,
            "three fractions (train, validation, test) that sum to 1, the first two above 0",
        ),
        "train, validation, test; at this default flower_species is 0.6, 0.2, 0.2",
    )
    seed: int = key(
        -1,
        Rule(lambda v: -1 <= v < 2**32, "from -1 (as seed) to 4294967295"),
        "decides the split and the folds, and nothing else; -1: the same as seed",
    )
    folds: int = key(
        0,
        Rule(lambda v: v == 0 or 2 <= v <= 100, "0, or from 2 to 100"),
        "number of folds, of which one replaces the test part of data.split; 0: none",
    )
    fold: int = key(1, at_least(1), "which of data.folds is the test part, from 1")
    max_pixels: int = key(100_000_000, at_least(1), "a photograph with more pixels is skipped (decompression bombs)")
    group_similar: bool = key(True, ANY, "photographs that look alike stay in one part; False where all show one scene")
    follow_links: bool = key(False, ANY, "read links that lead out of data.dir, and paths of data.csv that do")
    cache: str = key(
        "auto",
        one_of("auto", "memory", "disk", "device"),
        "auto|memory|disk|device: where decoded uint8 photographs are kept; auto: a GPU or TPU with room, else "
        "memory, or a file where they take more than half of what is free or several processes share them",
    )
    workers: int = key(0, at_least(0), "decoding threads; 0: one a core. The batches do not depend on it")


@dataclass(frozen=True)
class Model:
    """The network, its first weights, and what of it trains."""

    name: str = key("mobilenet_v2", ANY, "{names}, or MODULE:SPEC or FILE.py:SPEC of your own")
    weights: str = key(
        "auto",
        Rule(lambda v: v != "", "auto, none or a file"),
        "auto|none|NAME|PATH (.safetensors, .pth, .npz, .h5); auto: cache, publisher, index",
    )
    options: Mapping[str, Any] = field(default_factory=dict)
    convolution: str = key(
        "auto",
        one_of("auto", "fast", "xla", "reference"),
        "auto|fast|xla|reference: how convolutions run; auto: fast on a CPU, else xla",
    )
    freeze: str = key("backbone", ANY, "none|GROUP|backbone: the model's groups up to and with this one do not train")
    batch_norm: str = key(
        "auto",
        one_of("auto", "batch", "stored"),
        "auto|batch|stored statistics in training; auto: stored with pretrained weights",
    )
    dropout: float = key(0.0, BELOW_ONE, "share of the features that are dropped before the last layer in training")


@dataclass(frozen=True)
class Transfer:
    """How the head trains on a frozen backbone."""

    epochs: int = key(
        0, at_least(0), "epochs in which the head trains alone, before what model.freeze leaves trains too"
    )
    learning_rate: float = key(3e-3, ABOVE_ZERO, "the learning rate while the head trains alone before the rest")
    views: int = key(
        0,
        Rule(lambda v: 0 <= v <= 100, "from 0 to 100"),
        "views of a photograph whose features are computed once, the plain one first; 0: anew in each epoch",
    )


@dataclass(frozen=True)
class Augment:
    """How training photographs are changed at random."""

    name: str = key("none", ANY, "{names}, or MODULE:NAME or FILE.py:NAME of your own")
    options: Mapping[str, Any] = field(default_factory=dict)
    horizontal_flip: bool = key(True, ANY, "mirror every other training image")
    vertical_flip: bool = key(False, ANY, "turn every other training image upside down")
    rotation_range: float = key(
        0.0, at_least(0), "degrees, to either side; from here to cval as in Keras's ImageDataGenerator"
    )
    width_shift_range: float = key(
        0.0, at_least(0), "a share of the size below 1, else pixels; moves up and down, as in Keras"
    )
    height_shift_range: float = key(
        0.0, at_least(0), "a share of the size below 1, else pixels; moves sideways, as in Keras"
    )
    documented_shifts: bool = key(False, ANY, "shifts move along the axis that they are named for, not as in Keras")
    shear_range: float = key(0.0, Rule(lambda v: 0 <= v < 90, "at least 0 and below 90"), "degrees, to either side")
    zoom_range: tuple[float, ...] = key(
        (1.0, 1.0),
        Rule(
            lambda v: (len(v) == 1 and 0 <= v[0] < 1) or (len(v) == 2 and 0 < v[0] <= v[1] < math.inf),
            "one number from 0 to below 1, or two above 0 of which the second is not the smaller",
        ),
        "LOW,HIGH, or Z for 1-Z,1+Z; height and width each by itself",
    )
    brightness_range: tuple[float, float] = key((1.0, 1.0), LOW_HIGH, "LOW,HIGH of the factor of all grey levels")
    channel_shift_range: float = key(0.0, at_least(0), "grey levels of 255, to either side")
    fill_mode: str = key(
        "nearest",
        one_of("nearest", "constant", "reflect", "wrap"),
        "nearest|constant|reflect|wrap: what comes in from outside of the image",
    )
    cval: float = key(0.0, Rule(lambda v: 0 <= v <= 255, "from 0 to 255"), "the grey level that constant fills with")
    interpolation_order: int = key(1, Rule(lambda v: v in (0, 1), "0 or 1"), "0: the nearest pixel, 1: bilinear")
    crop_scale: tuple[float, float] = key(
        (1.0, 1.0),
        Rule(
            lambda v: len(v) == 2 and 0 < v[0] <= v[1] <= 1, "two shares above 0, at most 1, the second not the smaller"
        ),
        "random-resized-crop: LEAST,MOST of the area; at 1,1 none",
    )
    crop_size: int = key(
        0,
        Rule(lambda v: v == 0 or 4 <= v <= MOST_SIDE, f"0, or at least 4 and at most {MOST_SIDE}"),
        "height and width of crops in pixels, where training sees fewer; 0: image_size",
    )
    color_jitter: tuple[float, float, float, float] = key(
        (0.0, 0.0, 0.0, 0.0),
        Rule(
            lambda v: len(v) == 4 and all(0 <= s < math.inf for s in v) and v[3] <= 0.5,
            "four strengths (brightness, contrast, saturation, hue) of at least 0, hue at most 0.5",
        ),
        "brightness, contrast, saturation, hue, as torchvision's",
    )
    rand_augment_layers: int = key(0, at_least(0), "RandAugment: how many changes an image goes through")
    rand_augment_magnitude: float = key(
        9.0, Rule(lambda v: 0 <= v <= 30, "from 0 to 30"), "the strength of these changes, 0 to 30"
    )
    random_erasing: float = key(0.0, SHARE, "probability that a rectangle of a training image is painted over")
    mixup: float = key(0.0, at_least(0), "alpha of mixup; 0: none. With CutMix too, a batch is mixed by one of them")
    cutmix: float = key(0.0, at_least(0), "alpha of CutMix; 0: none")


@dataclass(frozen=True)
class Optimizer:
    """How the gradients change the weights."""

    name: str = key("adamw", ANY, "{names}, or MODULE:NAME or FILE.py:NAME of your own")
    options: Mapping[str, Any] = field(default_factory=dict)
    clip_norm: float = key(0.0, at_least(0), "largest norm of all gradients together; larger ones are scaled; 0: any")
    weight_decay: float = key(0.0, at_least(0), "decay of kernels, multiplied by the learning rate")
    head_multiplier: float = key(
        1.0, ABOVE_ZERO, "the head's learning rate as a multiple of the backbone's, while both train"
    )
    layer_decay: float = key(
        1.0,
        Rule(lambda v: 0 < v <= 1, "above 0 and at most 1"),
        "learning rate of each layer as a share of the rate of the layer above it",
    )
    ema: float = key(
        0.0, BELOW_ONE, "share that a moving average of the weights keeps at each step; it predicts. 0: none"
    )


@dataclass(frozen=True)
class Loss:
    """What training makes small."""

    name: str = key("cross_entropy", ANY, "{names}, or MODULE:NAME or FILE.py:NAME of your own")
    options: Mapping[str, Any] = field(default_factory=dict)
    label_smoothing: float = key(0.0, BELOW_ONE, "share of each label that is spread over all classes")
    class_weights: str = key(
        "none",
        Rule(are_weights, "none, balanced, or a number above 0 for each class"),
        "none|balanced|A,B,...: factors of the loss of each class in training, in the order of the classes' names; "
        "balanced: photographs / (classes * photographs of the class)",
    )


@dataclass(frozen=True)
class Evaluation:
    """How photographs are predicted."""

    flip: bool = key(False, ANY, "predict from each photograph and its mirror image")


@dataclass(frozen=True)
class Schedule:
    """The learning rate within a run, multiplied by what ReduceLROnPlateau leaves."""

    name: str = key("constant", ANY, "{names}, or MODULE:NAME or FILE.py:NAME of your own")
    options: Mapping[str, Any] = field(default_factory=dict)
    warmup_epochs: float = key(0.0, at_least(0), "epochs in which the learning rate rises from 0")
    epochs: float = key(0.0, at_least(0), "cosine ends after this many epochs; 0: after config.epochs")
    final: float = key(0.0, SHARE, "share of the learning rate at which cosine ends")
    boundaries: tuple[float, ...] = key(
        (),
        Rule(lambda v: all(0 < a < math.inf for a in v) and list(v) == sorted(set(v)), "rising epochs"),
        "piecewise: epochs A,B,... after which the learning rate is multiplied by schedule.factor",
    )
    factor: float = key(
        0.1,
        Rule(lambda v: 0 < v <= 1, "above 0 and at most 1"),
        "factor of piecewise at each boundary, and of exponential after each epoch",
    )


@dataclass(frozen=True)
class Plateau:
    """ReduceLROnPlateau, with Keras's meaning."""

    monitor: str = key("val_loss", ANY, MONITOR)
    factor: float = key(
        0.2, Rule(lambda v: 0 < v < 1, "above 0 and below 1"), "a cut multiplies the learning rate by this"
    )
    patience: int = key(5, at_least(0), "epochs without improvement before a cut")
    min_delta: float = key(0.0001, at_least(0), "an improvement is larger than this")
    cooldown: int = key(0, at_least(0), "epochs after a cut in which bad epochs do not count")
    min_lr: float = key(0.0, at_least(0), "cuts stop here; schedule and multipliers apply on top and may go below")


@dataclass(frozen=True)
class EarlyStopping:
    """EarlyStopping, with Keras's meaning."""

    monitor: str = key("val_loss", ANY, MONITOR)
    patience: int = key(10, at_least(0), "epochs without improvement before training ends")
    min_delta: float = key(0.0, at_least(0), "an improvement is larger than this")
    start_from_epoch: int = key(0, at_least(0), "epochs at the start that do not count")
    baseline: str = key(
        "none",
        Rule(is_number_or_none, "none or a number"),
        "none, or what the metric must beat before an improvement counts",
    )


@dataclass(frozen=True)
class Checkpoint:
    """Which epochs are saved and which one is used."""

    monitor: str = key("val_loss", ANY, f"{MONITOR}; it decides which epoch is the best")
    use: str = key("best", one_of("best", "last"), "best|last: the epoch whose model is tested and used")
    every_steps: int = key(0, at_least(0), "save within an epoch after this many steps; 0: only at its end")
    every_minutes: float = key(10.0, at_least(0), "save within an epoch after this many minutes; 0: only at its end")
    keep: int = key(
        2, at_least(2), "how many of the latest checkpoints are kept, beside the best of each metric; at least 2"
    )


@dataclass(frozen=True)
class Logging:
    """What a run writes for a person to look at."""

    report: bool = key(True, ANY, "draw plots/, and write report.html at the end")
    tensorboard: bool = key(True, ANY, "write events for TensorBoard into the run directory")


@dataclass(frozen=True)
class Config:
    """All keys of a run."""

    seed: int = key(
        0,
        Rule(lambda v: 0 <= v < 2**32, "from 0 to 4294967295"),
        "every random choice (shuffle, initial weights, augmentation; data.seed) follows from it",
    )
    epochs: int = key(
        30, at_least(1), "the most epochs, after those of transfer.epochs; early stopping may end the run before"
    )
    batch_size: int = key(
        32, Rule(lambda v: 1 <= v <= 65536, "at least 1 and at most 65536"), "global: over all devices together"
    )
    accumulate: int = key(
        1, at_least(1), "parts of a batch that follow each other on a device, whose gradients are added; less memory"
    )
    learning_rate: float = key(1e-3, ABOVE_ZERO, "the optimizer's, before ReduceLROnPlateau cuts it")
    precision: str = key(
        "auto",
        one_of("auto", "float32", "bfloat16"),
        "auto|float32|bfloat16 of the activations in training; auto: bfloat16 on GPU and TPU",
    )
    devices: int = key(0, at_least(0), "how many local devices share a batch; 0: all")
    metrics: tuple[str, ...] = key(
        (),
        ANY,
        "A,B,... of {names}, or of your own: more metrics of each epoch, as val_NAME in metrics.csv",
        item=str,
    )
    data: Data = Data()
    model: Model = Model()
    transfer: Transfer = Transfer()
    augment: Augment = Augment()
    optimizer: Optimizer = Optimizer()
    loss: Loss = Loss()
    evaluation: Evaluation = Evaluation()
    schedule: Schedule = Schedule()
    plateau: Plateau = Plateau()
    early_stopping: EarlyStopping = EarlyStopping()
    checkpoint: Checkpoint = Checkpoint()
    logging: Logging = Logging()
    user: UserKeys = field(default_factory=UserKeys)
