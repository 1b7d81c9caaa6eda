"""EfficientNet-Lite 0, 1 and 2: their layout, their network, Google's weights, and their registration."""

from flowers_jax.config_key import BELOW_ONE, Key, one_of
from flowers_jax.models.efficientnet_lite.layout import GROUPS, VERSIONS
from flowers_jax.models.efficientnet_lite.network import EfficientNetLite
from flowers_jax.models.efficientnet_lite.weights import IMPORTER, preprocessing
from flowers_jax.models.features import BY_ARGUMENT
from flowers_jax.models.registry import ModelSpec, register

__all__ = ["VERSIONS", "EfficientNetLite"]

WITHOUT_RESIDUALS = ("stage_6", "stage_7", "backbone")
"""Where so much is frozen, no residual trains: stage 7 is one block, and widens."""

SPEC = register(
    ModelSpec(
        name="efficientnet_lite",
        build=EfficientNetLite,
        options={
            "version": Key(0, one_of(*range(len(VERSIONS))), "0|1|2: how large; trained on 224, 240, 260 pixels"),
            "stochastic_depth": Key(
                0.0, BELOW_ONE, "residuals are left out in training with a probability that rises towards it"
            ),
        },
        preprocessing=preprocessing(0),
        smallest_size=32,
        weights=IMPORTER,
        groups=GROUPS,
        features=BY_ARGUMENT,
        idle_options=lambda freeze: ("stochastic_depth",) if freeze in WITHOUT_RESIDUALS else (),
    )
)
