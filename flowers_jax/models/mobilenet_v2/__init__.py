"""MobileNetV2: its layout, its network, its published weights, and its registration."""

from flowers_jax.config_key import Key, Rule, one_of
from flowers_jax.models.features import BY_ARGUMENT
from flowers_jax.models.inverted_residual import STOCHASTIC_DEPTH, idle_options, make_divisible
from flowers_jax.models.mobilenet_v2.layout import CONVENTIONS, GROUPS
from flowers_jax.models.mobilenet_v2.load import Pretrained, load
from flowers_jax.models.mobilenet_v2.network import Backbone, MobileNetV2
from flowers_jax.models.mobilenet_v2.weights import IMPORTER
from flowers_jax.models.registry import ModelSpec, register
from flowers_jax.models.weights.pretrained import IMAGENET

__all__ = ["CONVENTIONS", "Backbone", "MobileNetV2", "Pretrained", "load", "make_divisible"]

SPEC = register(
    ModelSpec(
        name="mobilenet_v2",
        build=MobileNetV2,
        options={
            "alpha": Key(1.0, Rule(lambda v: 0.1 <= v <= 1.4, "from 0.1 to 1.4"), "width multiplier"),
            "head": Key("pool", one_of("pool", "flatten256"), "pool|flatten256 (the course's) on the features"),
            "output_stride": Key(
                32, Rule(lambda v: v in (8, 16, 32), "8, 16 or 32"), "pixels to a place of the features"
            ),
            "stochastic_depth": STOCHASTIC_DEPTH,
        },
        preprocessing=IMAGENET,
        smallest_size=32,
        fixed_size=lambda options: "flatten256" if options["head"] == "flatten256" else "",
        weights=IMPORTER,
        groups=GROUPS,
        features=BY_ARGUMENT,
        idle_options=idle_options,
    )
)
