"""Outside `models/` and `configs/` no file of the package names a model or one of its layers: it asks the `ModelSpec`.

`benchmarks/` and `tests/` are not in the package. They name the models that they measure and try.
"""

import inspect
import re
import sys

import pytest

from flowers_jax import base_config, models
from flowers_jax.models import summary
from tests.conftest import ROOT

PACKAGE = ROOT / "flowers_jax"
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.is_relative_to(PACKAGE / "models")]

WORDS = {
    "head": "a role: the last group of every model",
    "backbone": "a role: all groups of a model but the head",
    "stem": "of a path: the file's name without its ending",
    "last": "English",
    "average": "English, and the moving average",
    "pool": "of threads, and a kind of layer",
    "flatten": "of a config, and a kind of layer",
    "project": "English",
    "conv": "Flax's layer",
    "depthwise": "a kind of convolution",
    "alpha": "of mixup, of a cosine and of a picture",
    "version": "English",
    "expand": "an operator of ONNX",
}
"""Names in a model that mean something else, or something of every model, and what."""

DEFAULT = re.compile(rf'\bname\b[^=\n]*=[^=\n]*"{base_config.get_config().model.name}"')
"""The default of `model.name`, in whatever form the config has."""

MOVED = re.compile(r"^MOVED\b.*?(?=^\S)", re.MULTILINE | re.DOTALL)
"""The names that keys had, of one model, and the `config.json` of an older run still has: they cannot change."""


def names_of(spec: models.ModelSpec) -> set[str]:
    """Of a model, its classes, options, groups, layers and published weights, in lower case."""
    module = spec.module(5, **{name: option.default for name, option in spec.options.items()})
    defined = vars(sys.modules[type(module).__module__]).values()
    classes = {one.__name__ for one in defined if inspect.isclass(one) and one.__module__ == type(module).__module__}
    paths = {row.name for row in summary.layers(module, 64)}
    paths |= {path for group in spec.groups for path in (group.name, *group.layers)}
    layers = {part for path in paths for part in path.split("/")}
    weights = {known.name for known in spec.weights.known} if spec.weights else set()
    return {name.lower() for name in (spec.name, *classes, *spec.options, *layers, *weights)}


NAMES = set().union(*map(names_of, models.MODELS.values()))


def named(text: str) -> list[str]:
    """The names of models that stand in a text as whole words."""
    text = DEFAULT.sub("", MOVED.sub("", text))
    return sorted(set(re.findall(r"\w+", text.lower())) & (NAMES - WORDS.keys()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_it_names_no_model(path):
    assert named(path.read_text()) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('if config.model.freeze in ("stage_6", "stage_7"):', ["stage_6", "stage_7"]),
        ("from flowers_jax.models.seed_cnn import SeedCNN", ["seed_cnn", "seedcnn"]),
        ('"""A step of MobileNetV2."""  # with its output_stride', ["mobilenetv2", "output_stride"]),
        ("as backbone/block_16/project of timm_050", ["block_16", "timm_050"]),
        ("the CNN and its ResidualBlock", ["cnn", "residualblock"]),
        ("a projector of stages", []),
    ],
)
def test_a_name_is_found(text, names):
    assert named(text) == names


def test_one_line_has_the_default():
    assert sum(len(DEFAULT.findall(path.read_text())) for path in FILES) == 1


def test_every_word_that_is_let_through_is_a_name():
    assert WORDS.keys() <= NAMES
