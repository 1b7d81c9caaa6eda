"""EfficientNet-Lite 0, 1 and 2: their layout, their network, Google's weights, and their registration."""

from flowers_jax.config_key import Key, one_of
from flowers_jax.models.efficientnet_lite.layout import GROUPS, VERSIONS
from flowers_jax.models.efficientnet_lite.network import EfficientNetLite
from flowers_jax.models.efficientnet_lite.weights import IMPORTER, preprocessing
from flowers_jax.models.features import BY_ARGUMENT
from flowers_jax.models.inverted_residual import STOCHASTIC_DEPTH, idle_options
from flowers_jax.models.registry import ModelSpec, register

__all__ = ["VERSIONS", "EfficientNetLite"]

SPEC = register(
    ModelSpec(
        name="efficientnet_lite",
        build=EfficientNetLite,
        options={
            "version": Key(0, one_of(*range(len(VERSIONS))), "0|1|2: how large; trained on 224, 240, 260 pixels"),
            "stochastic_depth": STOCHASTIC_DEPTH,
        },
        preprocessing=preprocessing(0),
        smallest_size=32,
        weights=IMPORTER,
        groups=GROUPS,
        features=BY_ARGUMENT,
        idle_options=idle_options,
    )
)
